"""The proof, as pure functions: leaves, the Merkle tree over them, signed checkpoints, and proofs that a third party can check."""
