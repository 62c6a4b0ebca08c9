/** What a page may ask of its VirtualGrid. */
export interface GridHandle {
  next(): Promise<void>;
  previous(): Promise<void>;
  atTop(): boolean;
  scrollTop(): number;
  scrollTo(top: number): void;
}
