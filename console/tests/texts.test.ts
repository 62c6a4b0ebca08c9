import { describe, expect, it } from "vitest";
import words from "@/generated/words.json";
import en from "@/i18n/en";
import zh from "@/i18n/zh";

type Texts = { [key: string]: string | string[] | Texts };

function flat(texts: Texts, at = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === "string") found.set(at + key, value);
    else for (const [name, text] of flat(value as Texts, `${at}${key}.`)) found.set(name, text);
  }
  return found;
}

const slots = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? "").sort();
const chinese = flat(zh as Texts);
const english = flat(en as Texts);

describe("texts", () => {
  it("have every key in both languages, and nothing is empty", () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
    for (const [key, text] of [...chinese, ...english]) expect(text.trim(), key).not.toBe("");
  });

  it("fill the same slots in both languages", () => {
    for (const [key, text] of chinese) expect(slots(english.get(key) ?? ""), key).toEqual(slots(text));
  });

  it("hold no Chinese in English, and every sentence of a problem in both", () => {
    for (const [key, text] of english) expect(/[\u4e00-\u9fff]/.test(text), key).toBe(false);
    for (const [code, problem] of Object.entries(words.problems)) {
      expect(problem.zh.length, code).toBe(3);
      expect(problem.en.length, code).toBe(3);
      for (const line of [...problem.zh, ...problem.en]) expect(line.trim(), code).not.toBe("");
    }
  });

  it("name every member of every group in both languages", () => {
    for (const [group, members] of Object.entries(words)) {
      if (["problems", "role_permissions", "roll_up"].includes(group)) continue;
      for (const [code, names] of Object.entries(members as Record<string, { zh: string; en: string }>)) {
        expect(names.zh.trim(), `${group}.${code}`).not.toBe("");
        expect(names.en.trim(), `${group}.${code}`).not.toBe("");
      }
    }
  });
});
