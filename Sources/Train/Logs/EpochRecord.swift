/// One epoch: a line of a run's log.
public struct EpochRecord: Codable, Sendable, Equatable {
  /// A term of the recipe's noise, in its order.
  public struct Noise: Codable, Sendable, Equatable {
    /// The distribution and the site, as `gaussian on weights`.
    public var term: String
    /// Its sigma or its rate at the last step, by its schedule.
    public var strength: Double
  }
  /// From 1.
  public var epoch: Int
  /// Mean over the epoch, of the examples as they were trained on.
  public var loss: Double
  /// Over the epoch, of the examples as they were trained on; nil of a regression.
  public var accuracy: Double?
  /// The same of a regression, in the unit of the targets.
  public var error: Double?
  /// On the validation part, without noise; nil without one, and of a regression.
  public var validationAccuracy: Double?
  /// The same of a regression.
  public var validationError: Double?
  /// The learning rate of the last step.
  public var rate: Double
  /// The noise in force at the last step.
  public var noise: [Noise]
  /// The mean over up to sixteen steps, spread over the epoch, of the Euclidean norm of the gradient for all
  /// parameters, before strategies change it.
  public var gradientNorm: Double
  /// From the epoch's beginning, or from where this process went on, to its end with validation.
  public var seconds: Double

  /// The numbers beside the epoch, each with its name in tables and curves; nil where there is none.
  var columns: [(name: String, value: Double?)] {
    let noise: [(String, Double?)] = noise.enumerated().map {
      ("noise_\($0 + 1)_\($1.term.replacing(" on ", with: "_"))", $1.strength)
    }
    return [
      ("loss", loss), ("accuracy", accuracy), ("error", error), ("validation_accuracy", validationAccuracy),
      ("validation_error", validationError), ("rate", rate),
    ] + noise + [("gradient_norm", gradientNorm), ("seconds", seconds)]
  }
}
