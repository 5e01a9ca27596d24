extension FailureModel {
  /// Fitted on the given half of who-and-when with `fit`; `make trace-quality` fits it again and prints both these
  /// numbers and what it is worth on traces it was not fitted on.
  package static let standard = FailureModel(
    weights: [
      -0.5738, -0.0823, -0.1767, -0.2247, -0.2236, 0.3600, 0.2309, -0.0718, 0.3630, -0.1565, 0.5236, 0.0416,
      -0.1301, -0.0962, -0.3283, 0.0208, -0.3019, -0.0714, -0.2347
    ],
    means: [
      0.0889, 0.0136, 0.0433, 0.5000, 2.8355, 0.0249, 0.1609, 0.0329, 0.0621, 0.1465, 0.7461, 0.2807, 0.2511,
      0.1544, 0.5475, 0.3867, 0.3845, 0.1699, 0.0838
    ],
    deviations: [
      0.2847, 0.1160, 0.2035, 0.3022, 1.3170, 0.1559, 0.3675, 0.1785, 0.1951, 0.3049, 0.2084, 0.3403, 0.3024,
      0.3613, 0.2641, 0.3341, 0.4865, 0.3755, 0.2770
    ])
}
