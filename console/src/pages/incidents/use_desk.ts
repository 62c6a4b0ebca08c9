/** What keys and buttons do to the incident at hand, the same in the pane and on its own page. */
import { computed, nextTick, ref, watch, type Ref } from "vue";
import { useRouter } from "vue-router";
import { may } from "@/state/session";
import { act, canAcknowledge } from "./acts";
import { useCheck } from "./check_it";
import type { Incident } from "./lines";

export function useDesk(at: () => Incident | null, comment: Ref<{ focus: () => void } | null>) {
  const router = useRouter();
  const check = useCheck();
  const live = ref(false);
  const closing = ref(false);
  const talking = ref(false);
  const id = computed(() => at()?.id ?? "");
  watch(id, () => {
    live.value = false;
    closing.value = false;
    talking.value = false;
    check.clear();
  });

  const desk = {
    check,
    live,
    closing,
    talking,
    acknowledge: (): void => {
      const one = at();
      if (one !== null && may("acknowledge") && canAcknowledge(one)) void act(one, "acknowledge");
    },
    comment: async (): Promise<void> => {
      if (at() === null || !may("acknowledge")) return;
      talking.value = true;
      await nextTick();
      comment.value?.focus();
    },
    checkNow: (): void => {
      const one = at();
      if (one !== null && may("check")) void check.check(one);
    },
    toggleLive: (): void => {
      if (at()?.camera_id && may("live")) live.value = !live.value;
    },
    openCamera: (): void => {
      const camera = at()?.camera_id;
      if (camera) void router.push(`/cameras/${camera}`);
    },
  };
  return desk;
}

export type Desk = ReturnType<typeof useDesk>;
