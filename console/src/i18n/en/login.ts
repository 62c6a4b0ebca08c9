import type zh from "../zh/login";

export default {
  title: "Log in",
  name: "Name",
  password: "Password",
  enter: "Log in",
  show: "Show the password",
  hide: "Hide the password",
  looks: "Language and look",
  what: "Camera network operations",
  newTitle: "Change password",
  firstTitle: "Choose a new password first",
  firstText: "The present one was given to you by somebody and works once. Choose your own to go on.",
  current: "Present password",
  fresh: "New password",
  again: "New password once more",
  rule: "10 to 200 characters, at least 5 different ones, without your name in it. Pasting is fine.",
  differs: "The two new passwords differ.",
  change: "Change password",
  changed: "The password is changed; logins elsewhere have ended.",
} satisfies typeof zh;
