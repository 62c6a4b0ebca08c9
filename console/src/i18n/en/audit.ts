import type zh from "../zh/audit";

export default {
  title: "Audit",
} satisfies typeof zh;
