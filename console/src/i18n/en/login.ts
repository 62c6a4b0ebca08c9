import type zh from "../zh/login";

export default {
  title: "Log in",
  name: "Name",
  password: "Password",
  enter: "Log in",
} satisfies typeof zh;
