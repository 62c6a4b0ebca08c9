/** Whether the login has run out while the page was open. Apart from the session, so that the client may tell it. */
import { ref } from "vue";

/** The code of the refusal; empty while the login stands. */
export const lostLogin = ref("");

export function sessionLost(code: string): void {
  lostLogin.value = code;
}
