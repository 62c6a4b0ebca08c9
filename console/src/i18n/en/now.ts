import type zh from "../zh/now";

export default {
  title: "Now",
} satisfies typeof zh;
