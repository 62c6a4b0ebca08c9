import type zh from "../zh/users";

export default {
  title: "Users",
} satisfies typeof zh;
