import type zh from "../zh/proposals";

export default {
  title: "Proposals",
} satisfies typeof zh;
