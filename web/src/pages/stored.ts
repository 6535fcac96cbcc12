// Stored events, as the event store shows them.

export type Held = {
  topic: string; partition: number; offset: number; time: string; id: string; eventType: string; key: string; tags: string[] | null; eventTime: string;
  transactionId: string; userId: string; sourceSystem: string; synthetic: boolean; body: unknown;
};

export const stored = (e: Held) => JSON.stringify(e.body, null, 2);
