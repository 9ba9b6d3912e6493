/// Prices & rules: the sentences, their prices, and why the last slots went as they did.
import { commands, type LimitChange, type RulesView } from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface RulesRoom {
  rules(): Promise<Answer<RulesView>>;
  setLimit(change: LimitChange): Promise<Answer<unknown>>;
  setRuleEnabled(rule: string, enabled: boolean): Promise<Answer<unknown>>;
}

export const rulesRoom: RulesRoom = {
  rules: () => ask(commands.rules),
  setLimit: (change) => ask(() => commands.setLimit(change)),
  setRuleEnabled: (rule, enabled) => ask(() => commands.setRuleEnabled(rule, enabled)),
};
