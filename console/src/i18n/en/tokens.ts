import type zh from "../zh/tokens";

export default {
  title: "Tokens",
} satisfies typeof zh;
