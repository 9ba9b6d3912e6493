/// Statements: made, shown, verified, saved.
import {
  commands,
  type Format,
  type LanguageView,
  type StatementView,
  type VerificationView,
} from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

/** The exchange proves ten thousand entries, and all of them are checked: some seconds on a small computer. */
const PATIENCE_MS = 120_000;

export interface StatementRoom {
  /** The newest statement of a month, `2026-06`. */
  statement(month: string): Promise<Answer<StatementView>>;
  makeStatement(month: string): Promise<Answer<StatementView>>;
  verifyStatement(month: string): Promise<Answer<VerificationView>>;
  /** Says where the file lies now. */
  saveStatement(month: string, format: Format, language: LanguageView): Promise<Answer<string>>;
}

export const statementRoom: StatementRoom = {
  statement: (month) => ask(() => commands.statement(month)),
  makeStatement: (month) => ask(() => commands.makeStatement(month), PATIENCE_MS),
  verifyStatement: (month) => ask(() => commands.verifyStatement(month), PATIENCE_MS),
  saveStatement: (month, format, language) =>
    ask(() => commands.saveStatement(month, format, language), PATIENCE_MS),
};
