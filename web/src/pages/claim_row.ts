// Rows of claim-status, as far as the pages show them.

export type ClaimFact = {
  id: string;
  type: string;
  at: string;
  billed?: string;
  allowed?: string;
  paid?: string;
  memberResponsibility?: string;
  denialCode?: string;
  denialText?: string;
  outcome?: string;
  paymentId?: string;
  recordedBy?: string;
  [field: string]: unknown;
};

export type Appeal = Record<string, unknown>;

export type ClaimRow = {
  claimId: string;
  memberId: string;
  providerId: string;
  planId?: string;
  status: string;
  statusAt: string;
  claimType?: string;
  serviceDate?: string;
  billed?: string;
  allowed?: string;
  payable?: string;
  paid?: string;
  paidProvisional: boolean;
  memberResponsibility?: string;
  denialCode?: string;
  denialText?: string;
  appealDeadline?: string;
  appealState?: string;
  appealOutcome?: string;
  appeals: Appeal[] | string;
  serviceCode?: string;
  requiresPriorAuth?: boolean;
  priorAuthId?: string;
  priorAuthState?: string;
  grace?: string;
  graceSpans: Record<string, unknown>[] | string;
  marks: string[] | string;
  history: ClaimFact[] | string;
};
