/** Edge: the picture of the last check, for as long as nothing moves: a view with a row of its own. */
import { raw } from "@/api/client";
import { Problem } from "@/api/problem";
import { purpose } from "@/state/purpose";
import { may } from "@/state/session";
import { Gate } from "./gate";

export interface Still {
  picture: ImageBitmap;
  /** When it was taken, milliseconds since 1970 by the service's clock. */
  at: number;
  viewId: string;
}

/** The service draws the mark into each: not all tiles of a wall at once. */
const gate = new Gate(2);
let forbidden = false;

/** null where there is none, or none for this login: then it is not asked for again. */
export async function lastStill(camera: string, wanted: () => boolean): Promise<Still | null> {
  if (forbidden || !may("live")) return null;
  return gate.through(async () => {
    if (!wanted()) return null;
    try {
      const query = new URLSearchParams({ purpose: purpose.value });
      const response = await raw(`/api/v1/cameras/${encodeURIComponent(camera)}/sample?${query}`);
      const at = Date.parse(response.headers.get("X-Taken-At") ?? "");
      const picture = await createImageBitmap(await response.blob());
      return { picture, at, viewId: response.headers.get("X-View-Id") ?? "" };
    } catch (error) {
      forbidden ||= error instanceof Problem && error.code === "forbidden";
      return null;
    }
  });
}
