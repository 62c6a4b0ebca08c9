import type zh from "../zh/cameras";

export default {
  title: "Cameras",
} satisfies typeof zh;
