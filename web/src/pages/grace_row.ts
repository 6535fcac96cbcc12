// Rows of grace-periods, as far as the pages show them.

export type Grace = {
  from: string; through: string; open: boolean; invoices: string[] | string; aptc: string; policy: string;
  paysThrough?: string; curedOn?: string; terminatedOn?: string; expired: boolean;
};

export type Invoice = {
  invoiceId: string; dueOn: string; premium: string; paid: string; paidOn?: string; paidProvisional: boolean; missed: boolean;
  graceThrough?: string; expires: boolean; billed?: { periodStart: string; periodEnd: string; planId: string }; said: { type: string; revision: number; takenBack: number }[] | string;
};

export type GraceRow = {
  memberId: string; paidThrough?: string; graceEndsOn?: string; graces: Grace[] | string; invoices: Invoice[] | string;
  payments: Record<string, unknown>[] | string; enrollments: Record<string, unknown>[] | string; marks: string[] | string; lastAt: string;
};
