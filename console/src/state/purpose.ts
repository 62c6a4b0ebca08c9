/** Why this person looks at pictures; goes into the register with every view. Kept in this tab only. */
import { ref, watch } from "vue";

export const DUTY = "duty";
export const purpose = ref(sessionStorage.getItem("xl-purpose") ?? DUTY);
watch(purpose, (words) => sessionStorage.setItem("xl-purpose", words));
