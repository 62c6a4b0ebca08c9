import type zh from "../zh/wall";

export default {
  title: "Wall",
} satisfies typeof zh;
