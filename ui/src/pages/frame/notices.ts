/// How loud a notice is.
import type { NoticeCode } from "../../lib/api/bindings";

const TONE: Record<NoticeCode, "info" | "warn" | "trouble"> = {
  history_restored: "warn",
  data_read_only: "trouble",
  data_newer: "trouble",
  key_in_file: "info",
  key_locked: "trouble",
  no_key: "trouble",
  orders_missed: "warn",
  rule_worse_than_contract: "warn",
  meters_contradict: "warn",
  other: "info",
};

export const noticeTone = (code: NoticeCode): "info" | "warn" | "trouble" => TONE[code] ?? "info";
