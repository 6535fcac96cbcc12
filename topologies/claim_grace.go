package topologies

const claimGrace = "claim-grace.v1-claims-consumer"

// ClaimGrace joins claims with the grace periods of their member, in both
// directions: a claim that comes in a pendable month is told so, and when a
// member misses or pays a premium, all of their claims are.
var ClaimGrace = joined(claimGrace, "claims with the grace periods of their member", MemberGraces, highVolume)
