/** Lines under the header that stay until somebody closes them: never a note that goes by itself. */
import { ref } from "vue";
import type { Problem } from "@/api/problem";

export interface Notice {
  id: number;
  text?: string;
  problem?: Problem;
}

let last = 0;
export const notices = ref<Notice[]>([]);

export function say(text: string): void {
  if (notices.value.some((one) => one.text === text)) return;
  notices.value.push({ id: ++last, text });
}

export function complain(problem: Problem): void {
  notices.value = notices.value.filter((one) => one.problem?.code !== problem.code);
  notices.value.push({ id: ++last, problem });
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((one) => one.id !== id);
}
