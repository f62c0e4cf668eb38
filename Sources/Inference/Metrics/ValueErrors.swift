import Foundation

/// How far one answer of a regression is off, and what its own variance and interval say of that, by value: the terms
/// that every score of values is made of.
struct ValueErrors {
  /// The answer less the target.
  let errors: [Double]
  /// −ln of the density of a normal distribution of the answer and its variance, in nats; nil where it has no variance.
  let losses: [Double]?
  /// Whether the target is within the answer's own interval; nil where it has none.
  let inside: [Bool]?

  /// - Parameters:
  ///   - variance: over the draws and the model's own together; nil: neither is known.
  ///   - interval: the lower and the upper ends; nil: there is none.
  init(_ mean: [Double], _ target: [Double], variance: [Double]?, interval: (lower: [Double], upper: [Double])?) {
    let errors = zip(mean, target).map { $0 - $1 }
    self.errors = errors
    losses = variance.map { zip(errors, $0).map { (log(2 * .pi * $1) + $0 * $0 / $1) / 2 } }
    inside = interval.map { interval in
      zip(target, zip(interval.lower, interval.upper)).map { $1.0 <= $0 && $0 <= $1.1 }
    }
  }

  var squares: Double { errors.reduce(0) { $0 + $1 * $1 } }
}
