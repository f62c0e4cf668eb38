/// One condition.
public struct ProbeReport: Codable, Sendable, Equatable {
  /// Its name in the catalog.
  public var probe: String
  /// As they were in force, defaults included, with the constants that a severity stands for.
  public var parameters: [String: ParameterValue]
  /// The kind of question that it is.
  public var kind: Kind
  /// Short enough for a chart's axis: `pgd, L∞, ε = 8/255, 20 steps`.
  public var title: String
  /// Bounds of the attacker's change, for attacks.
  public var threat: Threat?
  /// How a corruption was applied.
  public var corruption: CorruptionSetting?
  /// Its point among probes that differ in strength alone; those of one `curve` are drawn as one.
  public var strength: Strength?
  /// Examples that were judged.
  public var n: Int
  /// The share of examples that are answered rightly as they are.
  public var cleanAccuracy: Double
  /// The clean accuracy's interval: Wilson's, 95 %.
  public var cleanInterval: Interval
  /// The share of all examples on which the deployed predictor is right under the condition.
  public var robustAccuracy: Double
  /// The robust accuracy's interval: Wilson's, 95 %.
  public var interval: Interval
  /// Right under the condition, by example; without those that failed.
  public var perExample: [Bool]
  /// Right without it.
  public var perExampleClean: [Bool]
  /// The deployed predictor's answers under the condition, by example: classes, or −1 for none; of an attack, where it
  /// did not succeed, the answer to the example as it is. Of attacks, corruptions and the clean examples.
  public var answers: [Int]?
  /// Places among the report's examples of those that were judged; left out where all were.
  public var rows: [Int]?
  /// Rows that an attack or a certifier had evaluated, once for each draw.
  public var questions: Int
  /// For a random model: the share of examples whose clean answer other draws of the noise alone turn from right to
  /// wrong. It is measured beside the attack and never counted as its success.
  public var noiseFlips: Proportion?
  /// For an attack of minimum norm: the length of the least perturbation found for each example; null where none was.
  public var distances: [Double?]?
  /// Over all examples, those without a find beyond every other; left out where that is where the median lies.
  public var medianDistance: Double?
  /// The share of examples that withstand perturbations of each length, as the attack found them.
  public var accuracyAgainstEpsilon: [CurvePoint]?
  /// For a random model, where `single_draw` was asked for: the same attack through one draw a step, as it is often
  /// made.
  public var singleDraw: Share?
  /// How the attack got on.
  public var progress: Progress?
  /// The same model with its noise off: attacked itself, on its mean weights.
  public var noiseOff: Measured?
  /// The other models, in the order of the report's comparisons.
  public var others: [Measured]
  /// Whether probabilities mean what they say, where it was asked.
  public var calibration: Calibration?
  /// Proofs; where there are any, the robust accuracy is the certified one.
  public var certified: Certified?
  /// The probe's measures beside accuracy.
  public var summary: Summary?
  /// Behind the report's checks; JSON leaves it out, as it says them in words.
  package var evidence: [Evidence: Evidence.Count]?
  /// For the page; JSON leaves them out.
  package var illustrations: [Illustration]?

  /// Kinds of questions.
  public enum Kind: String, Codable, Sendable {
    case clean, calibration, attack, corruption, certificate, measurement
  }

  /// Accuracy at one length of perturbations.
  public struct CurvePoint: Codable, Sendable, Equatable {
    /// In units of the input.
    public var epsilon: Double
    /// A share of the examples.
    public var accuracy: Double
    /// The accuracy's, 95 %.
    public var interval: Interval
  }

  /// Answers to inputs that were made in another way, or for another model.
  public struct Share: Codable, Sendable, Equatable {
    /// A share of the examples.
    public var accuracy: Double
    /// The accuracy's, 95 %.
    public var interval: Interval
    /// Right, by example.
    public var perExample: [Bool]
  }

  /// The mean over the examples of the best margin so far: above 0 the model fails.
  public struct Progress: Codable, Sendable, Equatable {
    public var questions: [Int]
    /// The mean best margin at each of them.
    public var margins: [Double]
  }

  /// The numbers of another model, or of this one in another way.
  public struct Measured: Codable, Sendable, Equatable {
    /// The share of examples that are answered rightly as they are.
    public var cleanAccuracy: Double
    /// The share that is right under the condition.
    public var robustAccuracy: Double
    /// The accuracy's, 95 %.
    public var interval: Interval
    /// Right, by example.
    public var perExample: [Bool]
    /// Whether probabilities mean what they say, where it was asked.
    public var calibration: Calibration?
    /// Proofs, and the accuracy by radius that follows.
    public var certified: Certified?
    public var summary: Summary?
    /// How the audited model does on inputs made for this one.
    public var transferToModel: Share?
    /// How this model does on inputs made for the audited one.
    public var transferFromModel: Share?
  }
}

extension ProbeReport {
  /// The checks say them.
  mutating func forgetRemarks() {
    summary?.remarks = nil
    noiseOff?.summary?.remarks = nil
    for at in others.indices { others[at].summary?.remarks = nil }
  }
}
