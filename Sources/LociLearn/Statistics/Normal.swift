import Foundation

/// The standard normal distribution.
package enum Normal {
  package static func density(_ x: Double) -> Double { exp(-0.5 * x * x) / (2 * Double.pi).squareRoot() }

  package static func cumulative(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

  /// The x below which a share `p` lies, 0 < p < 1. Acklam's rational start, refined by one Halley step to about
  /// 1e-15.
  package static func quantile(_ p: Double) -> Double {
    precondition(p > 0 && p < 1, "a share")
    let a = [
      -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.383577518672690e2,
      -3.066479806614716e1, 2.506628277459239
    ]
    let b = [
      -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1,
      -1.328068155288572e1
    ]
    let c = [
      -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734,
      4.374664141464968, 2.938163982698783
    ]
    let d = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416]
    func polynomial(_ coefficients: [Double], _ x: Double) -> Double {
      coefficients.reduce(0) { $0 * x + $1 }
    }
    var x: Double
    let low = 0.02425
    if p < low {
      let q = (-2 * log(p)).squareRoot()
      x = polynomial(c, q) / polynomial(d + [1], q)
    } else if p <= 1 - low {
      let q = p - 0.5
      x = polynomial(a, q * q) * q / polynomial(b + [1], q * q)
    } else {
      let q = (-2 * log(1 - p)).squareRoot()
      x = -polynomial(c, q) / polynomial(d + [1], q)
    }
    let error = cumulative(x) - p
    let step = error / density(x)
    x -= step / (1 + x * step / 2)
    return x
  }

  /// The factor that halves in `steps` steps.
  static func halving(_ steps: Double) -> Double { exp2(-1 / steps) }

  static func polarScale(_ s: Double) -> Double { (-2 * log(s) / s).squareRoot() }
}
