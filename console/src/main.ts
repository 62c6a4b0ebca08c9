import "@/style/tokens.css";
import "@/style/base.css";
import "@/style/element.css";
import { createApp } from "vue";
import { asProblem } from "@/api/problem";
import { i18n } from "@/i18n";
import { complain } from "@/state/notices";
import { router } from "@/router";
import "@/state/incident_sound";
import "@/state/look";
import App from "./App.vue";

const app = createApp(App).use(i18n).use(router);
app.config.errorHandler = (error, _instance, info) => {
  // Texts of ours only: what a server sent is never written to the browser's log.
  console.error(info, error instanceof Error ? error.stack : "");
  complain(asProblem(error));
};
// The frame is drawn once, whole: before it is known who is logged in there is no header, and the page below it would jump.
void router.isReady().finally(() => app.mount("#app"));
