import DitherBasics
import DitherGraph
import DitherTensor

/// Noise for a trained model, chosen on labeled examples that it was not trained on.
///
/// Each candidate is fitted on all folds but one and judged on that one, fold by fold; the candidate whose answers to
/// the examples that it was not fitted on are likeliest is chosen, if they are likelier than the plain model's, and is
/// fitted anew on all. Source: for cross-validation Stone 1974, J. Royal Statistical Society B 36.
public struct NoiseTuning: Sendable {
  /// How it is done.
  public struct Options: Sendable {
    /// In the order of the table.
    public var candidates: [NamedCandidate]
    /// Parts of the examples.
    public var folds = 5
    /// Draws of each answer, which the model shall be served with.
    public var samples = 32
    /// For draws and folds.
    public var seed: UInt64 = 0
    /// Threads that rows and draws are spread over.
    public var threads = 1

    /// - Parameter candidates: as ``NamedCandidate/init(parsing:)`` reads them; none: the usual ones.
    /// - Throws: where there is no such candidate.
    public init(_ candidates: [String] = []) throws(CatalogError) {
      var named: [NamedCandidate] = []
      for text in candidates.isEmpty ? NamedCandidate.usual : candidates {
        named.append(try NamedCandidate(parsing: text))
      }
      self.candidates = named
    }
  }

  /// A candidate's outcome.
  public struct Result: Sendable {
    /// As it was asked for.
    public let name: String
    /// Fitted on all examples.
    public let noise: ChosenNoise
    /// Answers to each example under noise that was fitted without it.
    public let held: HeldAnswers
    /// The mean loss of all examples under `noise`, which they chose, in nats.
    public let fittedLoss: Double
  }

  /// The plain model's answers.
  public let plain: HeldAnswers
  /// The plain model's mean loss, in nats, judged as ``Result/fittedLoss``.
  public let plainLoss: Double
  /// By candidate; those that the model has no place for are left out.
  public let results: [Result]
  /// The place of the one that is chosen; nil: the plain model.
  public let chosen: Int?
  /// The file's graph, with the chosen noise in place of its own.
  public let graph: Graph

  /// - Parameters:
  ///   - graph: of the model's file.
  ///   - inputs: [N, …] in the units of the data.
  ///   - targets: classes of the model, or values.
  ///   - told: called before each fit, with the candidate and the share of all fits that is done.
  ///   - proceed: called between passes, on any thread; what it throws ends the work.
  /// - Throws: when the graph is no model, or the examples are too few, or none of its.
  public init(
    _ graph: Graph, inputs: Tensor, targets: Targets, _ options: Options, told: (String, Double) -> Void = { _, _ in },
    proceed: @escaping @Sendable () throws -> Void = {}
  ) throws {
    let trials = try NoiseTrials(
      graph, inputs: inputs, targets: targets, samples: options.samples, seed: options.seed, folds: options.folds,
      threads: options.threads, proceed: proceed)
    let parts = (0..<options.folds).map { (trials.without($0), trials.rows(of: $0)) }
    /// Answers to the folds, each under noise that was fitted on the others.
    func held(_ fit: (Int, NoiseTrials.Part) throws -> ChosenNoise?) throws -> HeldAnswers? {
      var found: [HeldAnswers] = []
      for (fold, (part, rows)) in parts.enumerated() {
        guard let noise = try fit(fold, part) else { return nil }
        let residual = try trials.residual(of: noise, on: part)
        found.append(try trials.answers(of: noise, rows: rows).judged(by: residual))
      }
      return HeldAnswers.joined(found)
    }
    guard let plain = try held({ _, _ in ChosenNoise.none }) else {
      throw InferenceError(.samples, at: "folds", expected: "examples in each", got: "none")
    }
    self.plain = plain
    plainLoss = try trials.loss(of: .none, on: trials.whole, key: nil)
    var results: [Result] = []
    let fits = Double(options.candidates.count * (options.folds + 1))
    for (number, named) in options.candidates.enumerated() {
      let first = Double(number * (options.folds + 1))
      told(named.text, first / fits)
      guard let noise = try named.candidate.fit(trials, on: trials.whole) else { continue }
      let answers = try held { fold, part in
        told(named.text, (first + Double(fold + 1)) / fits)
        return try named.candidate.fit(trials, on: part)
      }
      guard let answers else { continue }
      results.append(
        Result(
          name: named.text, noise: noise, held: answers,
          fittedLoss: try trials.loss(of: noise, on: trials.whole, key: nil)))
    }
    self.results = results
    let best = results.indices.min {
      results[$0].held.negativeLogLikelihood < results[$1].held.negativeLogLikelihood
    }
    chosen = best.flatMap {
      results[$0].held.negativeLogLikelihood < plain.negativeLogLikelihood && !results[$0].noise.isNone ? $0 : nil
    }
    var tuned = try Self.graph(graph, with: chosen.map { results[$0].noise } ?? .none)
    if chosen != nil { tuned.metadata[ModelSignature.samplesKey] = "\(options.samples)" }
    self.graph = tuned
  }
}

extension NoiseTuning {
  /// A file's graph with noise that was chosen for it in place of its own.
  public static func graph(_ given: Graph, with noise: ChosenNoise) throws -> Graph {
    guard noise.form != .own else { return given }
    let plain = given.withoutNoise()
    return noise.laid(on: try plain.foldingComputedWeights() ?? plain)
  }
}

extension ChosenNoise {
  /// A graph without noise, with this one.
  func laid(on plain: Graph) -> Graph {
    var graph = plain
    switch form {
    case .own: break
    case .terms(let terms): graph.noise = terms.isEmpty ? nil : NoiseModel(terms)
    case .deviations(let tensors, let kind, let scale, let layers):
      let ids = Dictionary(graph.noisyWeights.map { ($0.name, $0.id) }, uniquingKeysWith: { first, _ in first })
      var deviations: [ValueID: Tensor] = [:]
      for (name, tensor) in tensors { if let id = ids[name] { deviations[id] = tensor } }
      graph.serve(with: deviations, by: kind, scale: scale, layers: layers)
    }
    return graph
  }
}
