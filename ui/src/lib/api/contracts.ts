/// Settings > Contracts: what the utility charges and pays, and where prices and weather come from.
import {
  commands,
  type ContractForm,
  type ContractPreview,
  type ContractsView,
  type SourcesForm,
} from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface ContractsRoom {
  contracts(): Promise<Answer<ContractsView>>;
  saveContract(contract: ContractForm): Promise<Answer<unknown>>;
  /** Takes back a contract that has not begun. */
  dropContract(validFrom: string): Promise<Answer<unknown>>;
  /** What a day on record would have cost with it. */
  previewContract(contract: ContractForm, day: string): Promise<Answer<ContractPreview>>;
  sources(): Promise<Answer<SourcesForm>>;
  saveSources(sources: SourcesForm): Promise<Answer<unknown>>;
}

export const contractsRoom: ContractsRoom = {
  contracts: () => ask(commands.contracts),
  saveContract: (contract) => ask(() => commands.saveContract(contract)),
  dropContract: (validFrom) => ask(() => commands.dropContract(validFrom)),
  previewContract: (contract, day) => ask(() => commands.previewContract(contract, day)),
  sources: () => ask(commands.sources),
  saveSources: (sources) => ask(() => commands.saveSources(sources)),
};
