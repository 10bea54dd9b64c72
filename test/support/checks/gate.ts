/** A promise that its holder opens. */
export type Gate = { readonly opened: Promise<void>; open(): void };

export function gate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
