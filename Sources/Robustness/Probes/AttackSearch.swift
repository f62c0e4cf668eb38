import DitherBasics
import DitherTensor

extension AttackProbe {
  /// The attack's tries on one batch: through the noise, and of a random model also on its mean weights; the attacker
  /// keeps of each example what looks better on draws of its own. Nothing here knows the draws that judge.
  struct Search {
    private let probe: AttackProbe
    let batch: ProbeBatch
    let predictor: DeployedPredictor
    private(set) var questions = 0
    /// How often the mean weights gave the better point.
    private(set) var meanWeightWins = 0
    private(set) var uncertainLosses = 0
    private(set) var lossesAsked = 0
    /// For an attack of minimum norm on a random model: the nearest points past the boundary by more than the noise.
    private(set) var nearest: AttackResult?
    /// The time was over before the search was.
    private(set) var endedEarly = false

    init(_ probe: AttackProbe, _ batch: ProbeBatch, _ predictor: DeployedPredictor) {
      self.probe = probe
      self.batch = batch
      self.predictor = predictor
    }

    func oracle(throughNoise: Bool = true, hasDeadline: Bool = true, independent: Bool = false) -> ModelOracle {
      let common = probe.common
      let oracle = ModelOracle(
        predictor.model, temperature: predictor.temperature, seed: mixSeed(batch.seed, batch.identities.first ?? 0),
        isCancelled: batch.isCancelled, deadline: hasDeadline ? batch.deadline : nil, memory: predictor.memory,
        space: batch.space)
      return predictor.isRandom && throughNoise
        ? oracle.expectation(
          over: common.draws, standardError: common.standardError,
          mostDraws: common.mostDraws ?? 8 * common.draws, independent: independent) : oracle
    }

    mutating func best(of examples: Examples, in ball: Ball) throws -> AttackResult {
      var oracle = self.oracle()
      guard predictor.isRandom else {
        let made = batch.meanWeights
        let found =
          try made?.result(for: examples) { try tries($0, ball, &oracle) } ?? tries(examples, ball, &oracle)
        questions += oracle.questions
        if batch.isOutOfTime { endedEarly = true }
        return found
      }
      var found = try tries(examples, ball, &oracle)
      do {
        try improve(&found, examples, ball, &oracle)
      } catch let error as RobustnessError where error.code == .budgetSpent {
        // Finds in time count.
        endedEarly = true
      }
      questions += oracle.questions
      uncertainLosses = oracle.uncertainLosses
      lossesAsked = oracle.lossesAsked
      if batch.isOutOfTime { endedEarly = true }
      return found
    }

    /// With what the mean weights of a random model show, and by answers that did not choose the points.
    private mutating func improve(
      _ found: inout AttackResult, _ examples: Examples, _ ball: Ball, _ oracle: inout ModelOracle
    ) throws {
      // A search for the nearest stops at the boundary; what is past it is looked for below.
      let marginError = A.isMinimumNorm ? 0 : try deployedMarginError(examples)
      var mean = self.oracle(throughNoise: false).requiring(marginError: marginError)
      let other = try tries(examples, ball, &mean)
      questions += mean.questions
      if !batch.isOutOfTime { batch.meanWeights?.keep(other, of: examples) }
      guard A.isMinimumNorm else { return try choose(&found, other, examples, &oracle) }
      let near = try pastBoundary(found, other, examples, ball.norm, &oracle)
      nearest = near
      (found.points, found.distances) = (near.points, near.distances)
      // The attacker may use all of the ball, and must use no more.
      let edge = AttackResult(
        points: stretched(near.points, examples, ball), distances: near.distances, trace: found.trace)
      let inside = ball.rowsInside(near.points, around: examples.inputs)
      for row in inside.indices where !inside[row] { found.points.replaceRow(row, with: edge.points.row(row)) }
      try choose(&found, edge, examples, &oracle)
    }

    /// Only through the noise.
    mutating func throughNoise(of examples: Examples, in ball: Ball) throws -> AttackResult {
      var oracle = self.oracle()
      defer { questions += oracle.questions }
      return try tries(examples, ball, &oracle)
    }

    private func tries(_ examples: Examples, _ ball: Ball, _ oracle: inout ModelOracle) throws -> AttackResult {
      guard ValueGoals(examples.criteria) != nil else { return try oneTry(examples, ball, &oracle) }
      return try bothSides(examples, ball, &oracle)
    }

    /// A regression's answers can leave the true values to either side, and by its gradient the error rises to the one
    /// where they are: every value is led to both sides, and of each example the largest error is kept. Several values
    /// are led together too, to where they are and to the other side.
    private func bothSides(
      _ examples: Examples, _ ball: Ball, _ oracle: inout ModelOracle
    ) throws -> AttackResult {
      let clean = try inTime { try oracle.answer(at: examples.inputs, of: examples).scores } ?? examples.values
      var best: AttackResult?, margins: [Float] = []
      for way in ValueWay.all(width: examples.values.rowLength) {
        let criteria = examples.criteria.enumerated().map { row, criterion -> Criterion in
          guard let values = criterion.values else { return criterion }
          return .away(from: way.leading(values, from: clean.row(row)))
        }
        let part = Examples(examples.inputs, criteria, identities: examples.identities)
        let found = try oneTry(part, ball, &oracle)
        guard var sofar = best else {
          best = found
          continue
        }
        // Without time to compare them the first stands.
        let compared = try inTime {
          if margins.isEmpty { margins = try oracle.answer(at: sofar.points, of: examples).margins(examples.criteria) }
          return try oracle.answer(at: found.points, of: examples).margins(examples.criteria)
        }
        guard let compared else { return sofar }
        for row in 0..<examples.count where compared[row] > margins[row] {
          sofar.points.replaceRow(row, with: found.points.row(row))
          margins[row] = compared[row]
        }
        sofar.trace = Self.larger(sofar.trace, found.trace)
        best = sofar
      }
      return best ?? AttackResult(points: examples.inputs, distances: [], trace: [])
    }

    /// - Returns: nil where the time was over.
    private func inTime<Found>(_ work: () throws -> Found) throws -> Found? {
      do { return try work() } catch let error as RobustnessError where error.code == .budgetSpent { return nil }
    }

    /// The larger of two traces of the best so far, question by question.
    private static func larger(_ first: [Float], _ second: [Float]) -> [Float] {
      guard let one = first.last, let other = second.last else { return first + second }
      return (0..<max(first.count, second.count)).map {
        max($0 < first.count ? first[$0] : one, $0 < second.count ? second[$0] : other)
      }
    }

    private func oneTry(_ examples: Examples, _ ball: Ball, _ oracle: inout ModelOracle) throws -> AttackResult {
      func search(_ attack: some Attack) throws -> AttackResult {
        A.isMinimumNorm
          ? try attack.nearest(to: examples, in: ball.norm, asking: &oracle)
          : try attack.search(examples, in: ball, asking: &oracle)
      }
      return probe.common.restarts == 1
        ? try search(probe.attack) : try search(probe.attack.restarted(probe.common.restarts))
    }

    /// The standard error of the margin of the deployed predictor's mean on the clean inputs: the median over the
    /// examples.
    private mutating func deployedMarginError(_ examples: Examples) throws -> Float {
      // As the predictor's, its draws are independent.
      var oracle = self.oracle(independent: true)
      defer { questions += oracle.questions }
      let errors = try oracle.answer(at: examples.inputs, of: examples).marginErrors.filter(\.isFinite)
      return (errors.median ?? 0) * (Float(probe.common.draws) / Float(max(predictor.samples, 1))).squareRoot()
    }

    /// In the same directions, to the edge of the ball.
    private func stretched(_ points: Tensor, _ examples: Examples, _ ball: Ball) -> Tensor {
      var delta = points - examples.inputs
      delta.scaleRows { values in
        let length = ball.norm.length(values)
        return length > 0 ? ball.epsilon / length : 1
      }
      return ball.project(examples.inputs.zip(delta) { $0 + $1 }, around: examples.inputs)
    }

    /// The nearest points, along the directions of two tries, at which the model is wrong by more than its noise
    /// explains: the expectation crosses a boundary a little behind where one draw does. Outward by quarters until both
    /// are past, then back by halves.
    private func pastBoundary(
      _ first: AttackResult, _ second: AttackResult, _ examples: Examples, _ norm: Norm, _ oracle: inout ModelOracle
    ) throws -> AttackResult {
      let tries = try [first, second].map { try pastBoundary($0, examples, norm, &oracle) }
      var best = tries[0]
      for row in 0..<examples.count where tries[1].distances[row] < best.distances[row] {
        best.points.replaceRow(row, with: tries[1].points.row(row))
        best.distances[row] = tries[1].distances[row]
      }
      return best
    }

    private static var outwardSteps: Int { 12 }
    private static var halvings: Int { 5 }
    static var stepsPastBoundary: Int { outwardSteps + halvings }

    private func pastBoundary(
      _ found: AttackResult, _ examples: Examples, _ norm: Norm, _ oracle: inout ModelOracle
    ) throws -> AttackResult {
      let delta = found.points - examples.inputs, count = examples.count
      func points(_ rows: [Int], _ scales: [Double]) -> Tensor {
        var step = delta.rows(at: rows), at = 0
        step.scaleRows { _ in
          defer { at += 1 }
          return scales[rows[at]]
        }
        return examples.inputs.rows(at: rows).zip(step) { min(max($0 + $1, 0), 1) }
      }
      func arePast(_ rows: [Int], _ scales: [Double]) throws -> [Bool] {
        let part = examples.rows(at: rows)
        return try oracle.answer(at: points(rows, scales), of: part, isSure: true)
          .meetsForGood(part.criteria, standardErrors: 2)
      }
      var low = [Double](repeating: 0, count: count), high = [Double](repeating: .infinity, count: count)
      var scales = [Double](repeating: 1, count: count)
      var open = (0..<count).filter { delta.row($0).contains { $0 != 0 } }
      for _ in 0..<Self.outwardSteps where !open.isEmpty {
        for (met, row) in zip(try arePast(open, scales), open) {
          if met { high[row] = scales[row] } else { (low[row], scales[row]) = (scales[row], 1.25 * scales[row]) }
        }
        open = open.filter { high[$0] == .infinity }
      }
      let met = (0..<count).filter { high[$0].isFinite }
      for _ in 0..<Self.halvings where !met.isEmpty {
        for row in met { scales[row] = (low[row] + high[row]) / 2 }
        for (isPast, row) in zip(try arePast(met, scales), met) {
          if isPast { high[row] = scales[row] } else { low[row] = scales[row] }
        }
      }
      var result = AttackResult(
        points: found.points, distances: [Double](repeating: .infinity, count: count), trace: found.trace)
      guard !met.isEmpty else { return result }
      let ends = points(met, high)
      for (at, row) in met.enumerated() {
        result.points.replaceRow(row, with: ends.row(at))
        result.distances[row] = norm.distance(result.points, row, examples.inputs, row)
      }
      return result
    }

    /// On fresh draws, of which the tries saw none.
    private mutating func choose(
      _ found: inout AttackResult, _ other: AttackResult, _ examples: Examples, _ oracle: inout ModelOracle
    ) throws {
      let first = try oracle.answer(at: found.points, of: examples, isSure: true)
      let second = try oracle.answer(at: other.points, of: examples, isSure: true)
      let margins = zip(first.margins(examples.criteria), second.margins(examples.criteria))
      let metFirst = first.meets(examples.criteria), metSecond = second.meets(examples.criteria)
      for (row, (margin, otherMargin)) in margins.enumerated() {
        guard otherMargin > margin else { continue }
        if metSecond[row], !metFirst[row], !A.isMinimumNorm { meanWeightWins += 1 }
        found.points.replaceRow(row, with: other.points.row(row))
        found.distances[row] = other.distances[row]
      }
    }
  }
}
