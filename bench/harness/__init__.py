"""The benchmark harness: rounds that interleave Loci and its peers, medians, ratios within a round."""
