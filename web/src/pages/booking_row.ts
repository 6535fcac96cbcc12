// Rows of booking-coverage, as far as the pages show them.

export type Verdict = { at: string; verdict: string; planId?: string; reasons: string[] | string; by: string[] };

export type CoverageRow = {
  bookingId: string; memberId: string; providerId: string; verdict: string; verdictAt: string; planId?: string; reasons: string[] | string;
  coverageType: string; wantedPlanId?: string; serviceDate: string; serviceCode: string; visitType: string; marks: string[] | string; history: Verdict[] | string;
};
