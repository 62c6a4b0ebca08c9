import { afterEach, describe, expect, it } from "vitest";
import { effectScope, nextTick, ref, type EffectScope } from "vue";
import { usePages } from "@/pages/camera/use_pages";

interface Answer {
  items: string[];
  next_cursor: string | null;
}
interface Asked {
  cursor: string | undefined;
  answer: (items: string[], next?: string) => Promise<void>;
  fail: () => Promise<void>;
}

let scope: EffectScope | undefined;
afterEach(() => scope?.stop());

/** Every question waits in `asked` until the test answers it. */
function pages() {
  const asked: Asked[] = [];
  const camera = ref("a");
  const ask = (from: { cursor?: string }) =>
    new Promise<Answer>((resolve, reject) => {
      asked.push({
        cursor: from.cursor,
        answer: async (items, next) => (resolve({ items, next_cursor: next ?? null }), settle()),
        fail: async () => (reject(new Error("x")), settle()),
      });
    });
  scope = effectScope();
  const list = scope.run(() => usePages(ask, () => camera.value));
  if (list === undefined) throw new Error("no list");
  return { asked, camera, list };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await nextTick();
}

describe("pages", () => {
  it("come one after the other, and all of them anew when what is asked changes", async () => {
    const { asked, camera, list } = pages();
    expect([list.busy.value, list.last.value]).toEqual([true, null]);
    await asked[0]?.answer(["1", "2"], "after 2");
    void list.more();
    await asked[1]?.answer(["3"]);
    expect(asked.map((one) => one.cursor)).toEqual([undefined, "after 2"]);
    expect([list.items.value, list.busy.value]).toEqual([["1", "2", "3"], false]);
    void list.more();
    expect(asked.length, "there is no page after the last").toBe(2);
    camera.value = "b";
    await settle();
    await asked[2]?.answer(["4"]);
    expect(list.items.value).toEqual(["4"]);
  });

  it("never show an answer about what is no longer asked", async () => {
    const { asked, camera, list } = pages();
    camera.value = "b";
    await settle();
    await asked[1]?.answer(["of b"]);
    await asked[0]?.answer(["of a"]);
    expect(list.items.value).toEqual(["of b"]);
    camera.value = "c";
    await settle();
    await asked[2]?.fail();
    expect(list.problem.value).not.toBe(null);
    void list.load();
    await asked[3]?.answer(["of c"]);
    expect([list.items.value, list.problem.value]).toEqual([["of c"], null]);
  });
});
