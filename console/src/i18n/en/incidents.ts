import type zh from "../zh/incidents";

export default {
  title: "Incidents",
} satisfies typeof zh;
