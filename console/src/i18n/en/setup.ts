import type zh from "../zh/setup";

export default {
  title: "First run",
} satisfies typeof zh;
