import type zh from "../zh/camera";

export default {
  title: "Camera",
} satisfies typeof zh;
