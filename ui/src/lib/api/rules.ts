/// Prices & rules: the sentences, their prices, and why the last slots went as they did.
import {
  commands,
  type LimitChange,
  type OutlookView,
  type RulePastView,
  type RulesView,
} from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface RulesRoom {
  rules(): Promise<Answer<RulesView>>;
  /** The next 48 hours under the rules. */
  outlook(): Promise<Answer<OutlookView>>;
  /** What the last month would have brought, by limits of one rule. */
  rulePast(rule: string): Promise<Answer<RulePastView>>;
  setLimit(change: LimitChange): Promise<Answer<unknown>>;
  setRuleEnabled(rule: string, enabled: boolean): Promise<Answer<unknown>>;
}

export const rulesRoom: RulesRoom = {
  rules: () => ask(commands.rules),
  outlook: () => ask(commands.outlook),
  rulePast: (rule) => ask(() => commands.rulePast(rule)),
  setLimit: (change) => ask(() => commands.setLimit(change)),
  setRuleEnabled: (rule, enabled) => ask(() => commands.setRuleEnabled(rule, enabled)),
};
