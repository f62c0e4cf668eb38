import DitherBasics
import DitherTensor

/// A graph compiled for a number of rows: kernel calls over one arena. Running it allocates nothing. A plan is used by
/// one thread at a time; plans of one model share its parameters.
///
/// `forward()` computes the outputs. Then the caller writes the gradient of its loss for the logits into `cotangent`,
/// and `backward()` computes the gradients that were asked for: any loss, in one compiled plan.
public final class Plan {
  /// What convolutions and dense layers compute in. Sums are in fp32 either way.
  public enum Precision: String, Sendable, Hashable, Codable, CaseIterable { case float32, bfloat16 }

  public struct Options: Sendable, Hashable {
    public var rows: Int
    /// Monte-Carlo draws of each row in one run; outputs then have rows · samples rows, draw by draw.
    public var samples: Int
    /// nil: without noise.
    public var path: NoisePath?
    public var inputGradient: Bool
    public var parameterGradients: Bool
    /// Which output `cotangent` belongs to.
    public var output: Int
    public var threads: Int
    public var precision: Precision
    /// Normalise by the batch's own statistics, as in training, and report them in `batchStatistics`.
    public var batchStatistics: Bool
    /// Draws come in pairs of a draw and its negative: half the numbers, and odd errors cancel.
    public var antithetic: Bool

    public init(
      rows: Int, samples: Int = 1, path: NoisePath? = nil, inputGradient: Bool = false,
      parameterGradients: Bool = false, output: Int = 0, threads: Int = 1,
      precision: Precision = .float32, batchStatistics: Bool = false,
      antithetic: Bool = false
    ) {
      self.rows = rows
      self.samples = samples
      self.path = path
      self.inputGradient = inputGradient
      self.parameterGradients = parameterGradients
      self.output = output
      self.threads = threads
      self.precision = precision
      self.batchStatistics = batchStatistics
      self.antithetic = antithetic
    }
  }

  /// What one normalisation found in its batch.
  public struct BatchStatistics {
    /// The graph's constants that hold the running values.
    public let mean: ValueID, variance: ValueID
    public let batchMean: UnsafeBufferPointer<Float>
    /// Biased: of n numbers, with n.
    public let batchVariance: UnsafeBufferPointer<Float>
    /// How many numbers each is made of.
    public let count: Int
  }
  public let batchStatistics: [BatchStatistics]

  /// Whether this CPU multiplies bf16 numbers: else a plan in bf16 computes in fp32.
  public static var hasBfloat16: Bool { Kernels.hasBfloat16 }

  public let options: Options
  /// Bytes of the arena that intermediate values share.
  public let arenaBytes: Int
  /// By the graph's inputs: raw memory to write a batch to.
  public let inputs: [UnsafeMutableRawBufferPointer]
  /// By the graph's outputs.
  public let outputs: [UnsafeRawBufferPointer]
  public let outputTypes: [TensorType]
  /// The gradient of the loss for output `options.output`, to be written before `backward()`.
  public let cotangent: UnsafeMutableBufferPointer<Float>
  /// The gradients for each input, empty where none was asked for or none arrives.
  public let inputGradients: [UnsafeBufferPointer<Float>]
  /// The gradients for all parameters, laid out as `ParameterBuffers` is.
  public let parameterGradients: UnsafeMutableBufferPointer<Float>

  private let forwardSteps: [Step], backwardSteps: [Step]
  private let state: RunState
  private let parameters: ParameterBuffers
  private let owned: [AnyObject]

  /// - Parameters:
  ///   - parameters: made of this graph.
  ///   - noise: what to place if `options.path` is set; by default the graph's own as it is served.
  public init(_ graph: Graph, parameters: ParameterBuffers, options: Options, noise: NoiseModel? = nil)
    throws(GraphError)
  {
    guard options.rows > 0, options.samples > 0, options.rows <= 1 << 24, options.samples <= 1 << 20 else {
      throw GraphError(
        .shape, at: "plan", expected: "at least one row and one sample", got: "\(options.rows) and \(options.samples)")
    }
    let builder = GraphBuilder(name: graph.name, rows: options.rows)
    builder.usesBatchStatistics = options.batchStatistics
    let noise = options.path == nil ? nil : noise ?? graph.noise?.settled
    if let path = options.path, let noise {
      guard path != .fresh || !options.parameterGradients else {
        throw GraphError(
          .noise, at: "plan", expected: "the exact or the explicit path for gradients of parameters", got: "fresh draws"
        )
      }
      var placement = try Placement(
        noise, of: graph, in: builder, path: path, samples: options.samples, differentiable: options.inputGradient)
      try placement.run()
    } else {
      try builder.replay(graph)
    }
    func value(_ id: ValueID, _ what: String) throws(GraphError) -> Value {
      guard let value = builder.replayed[id] else {
        throw GraphError(.missing, at: what, expected: "a value that a node puts out", got: "none")
      }
      return value
    }
    let inputValues = builder.graph.inputs.map { Value(id: $0.value, builder: builder) }
    var outputValues: [Value] = []
    for output in graph.outputs { outputValues.append(try value(output.value, "output '\(output.name.clipped())'")) }

    // The reverse pass.
    var fixed: [ValueID: UnsafeMutableRawPointer] = [:], owned: [AnyObject] = []
    func persistent(_ value: Value) -> UnsafeMutableRawPointer {
      let buffer = AlignedBuffer(byteCount: value.type.byteCount)
      owned.append(buffer)
      fixed[value.id] = buffer.base
      return buffer.base
    }
    let forwardNodes = builder.graph.nodes.count
    var wanted = outputValues + builder.batchStatistics.flatMap { [$0.batchMean, $0.batchVariance] }
    var cotangentValue: Value?
    var inputGradientValues = [Value?](repeating: nil, count: inputValues.count)
    var parameterGradientValues: [(ValueID, Value)] = []
    if options.inputGradient || options.parameterGradients {
      guard outputValues.indices.contains(options.output), outputValues[options.output].type.element == .float32 else {
        throw GraphError(
          .shape, at: "plan", expected: "a float output to differentiate", got: "output \(options.output)")
      }
      let output = outputValues[options.output]
      let seed = builder.placeholder("cotangent", output.type)
      cotangentValue = seed
      let differentiable = options.inputGradient ? inputValues.filter { $0.type.element == .float32 } : []
      let trained =
        options.parameterGradients
        ? parameters.trainable.compactMap { id in builder.replayed[id].map { (id, $0) } } : []
      let found = try builder.gradients(of: output, upstream: seed, for: differentiable + trained.map(\.1))
      for (target, gradient) in zip(differentiable, found) {
        if let index = inputValues.firstIndex(where: { $0.id == target.id }) { inputGradientValues[index] = gradient }
      }
      for ((id, _), gradient) in zip(trained, found.dropFirst(differentiable.count)) {
        if let gradient { parameterGradientValues.append((id, gradient)) }
      }
      wanted += inputGradientValues.compactMap { $0 } + parameterGradientValues.map(\.1)
    }

    // Only what is wanted, with what follows a kernel fused into it, in order.
    let program = Self.fuse(
      Self.live(builder, wanted: Set(wanted.map(\.id))), builder.types, keep: Set(wanted.map(\.id)))
    let storedIDs = Dictionary(builder.replayed.map { ($0.value.id, $0.key) }, uniquingKeysWith: { first, _ in first })
    var plan = PlanBuilder(
      builder, threads: options.threads, precision: Self.hasBfloat16 ? options.precision : .float32,
      // A graph may hold its reverse pass itself.
      differentiated: options.inputGradient || options.parameterGradients
        || program.contains { $0.1.op is PoolingGradient },
      parameters: parameters, stored: storedIDs, lastUses: Self.lastUses(program, keep: wanted.map(\.id)))
    var forwardStepCount: Int?
    for (position, (index, node)) in program.enumerated() {
      if index >= forwardNodes, forwardStepCount == nil {
        for value in outputValues { _ = try plan.plain(value) }
        forwardStepCount = plan.stepCount
      }
      plan.node = position
      if let content = builder.knownContent(of: node) {
        for (id, literal) in content { Self.write(literal, to: persistent(Value(id: id, builder: builder))) }
        continue
      }
      try node.op.lower(builder.call(node), into: &plan)
    }
    let statistics = builder.batchStatistics
    for value in outputValues { _ = try plan.plain(value) }
    let forwardSteps = forwardStepCount ?? plan.stepCount
    for value in inputGradientValues.compactMap({ $0 }) + parameterGradientValues.map(\.1) { _ = try plan.plain(value) }

    // Memory that outlives a run: inputs, outputs, gradients, parameters.
    var inputMemory: [UnsafeMutableRawBufferPointer] = []
    for value in inputValues {
      inputMemory.append(UnsafeMutableRawBufferPointer(start: persistent(value), count: value.type.byteCount))
    }
    for (id, literal) in builder.graph.literals {
      if let stored = storedIDs[id], let range = parameters.ranges[stored], let base = parameters.floats.baseAddress {
        fixed[id] = UnsafeMutableRawPointer(base + range.lowerBound)
      } else {
        Self.write(literal, to: persistent(Value(id: id, builder: builder)))
      }
    }
    if let cotangentValue { _ = persistent(cotangentValue) }
    let gradientBuffer = AlignedBuffer(floats: options.parameterGradients ? parameters.count : 0)
    owned.append(gradientBuffer)
    for (id, gradient) in parameterGradientValues {
      let root = plan.root(gradient.id)
      guard let range = parameters.ranges[id], let base = gradientBuffer.floats.baseAddress else { continue }
      let target = UnsafeMutableRawPointer(base + range.lowerBound)
      if fixed[root] == nil {
        fixed[root] = target
      } else {
        let bytes = range.count * 4
        plan.step([gradient]) { memory in
          let from = memory.raw(gradient)
          return { target.copyMemory(from: from, byteCount: bytes) }
        }
      }
    }
    let statisticValues = statistics.flatMap { [$0.batchMean, $0.batchVariance] }
    for value in outputValues + inputGradientValues.compactMap({ $0 }) + statisticValues
    where fixed[plan.root(value.id)] == nil {
      fixed[plan.root(value.id)] = persistent(value)
    }

    if let failure = plan.failure { throw failure }
    let state = RunState(rows: options.rows, antithetic: options.antithetic, noise: noise)
    let layout = plan.layOut(fixed: fixed, state: state)
    self.forwardSteps = Array(layout.steps[..<forwardSteps])
    backwardSteps = Array(layout.steps[forwardSteps...])
    owned += plan.kernels as [AnyObject] + plan.owned + [layout.arena]
    self.options = options
    self.state = state
    self.parameters = parameters
    self.owned = owned
    arenaBytes = layout.arena.bytes.count
    inputs = inputMemory
    outputs = outputValues.map { UnsafeRawBufferPointer(start: layout.pointers($0), count: $0.type.byteCount) }
    outputTypes = outputValues.map(\.type)
    func floats(_ value: Value?) -> UnsafeMutableBufferPointer<Float> {
      guard let value else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
      return UnsafeMutableBufferPointer(
        start: layout.pointers(value).assumingMemoryBound(to: Float.self), count: value.shape.count)
    }
    batchStatistics = statistics.map {
      BatchStatistics(
        mean: $0.mean, variance: $0.variance, batchMean: UnsafeBufferPointer(floats($0.batchMean)),
        batchVariance: UnsafeBufferPointer(floats($0.batchVariance)), count: $0.count)
    }
    cotangent = floats(cotangentValue)
    inputGradients = inputGradientValues.map { UnsafeBufferPointer(floats($0)) }
    parameterGradients =
      options.parameterGradients
      ? gradientBuffer.floats : UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// The gradient for one parameter; nil where none was asked for.
  public func parameterGradient(_ id: ValueID) -> UnsafeMutableBufferPointer<Float>? {
    guard let range = parameters.ranges[id], range.upperBound <= parameterGradients.count else { return nil }
    return UnsafeMutableBufferPointer(rebasing: parameterGradients[range])
  }

  /// Where each row's noise is drawn: its seed. To be written before `forward()` if there is noise.
  public var seeds: UnsafeMutableBufferPointer<UInt64> { state.seeds }
  /// The number of the first of `options.samples` draws.
  public var firstSample: UInt32 {
    get { state.firstSample }
    set { state.firstSample = newValue }
  }

  /// The share of the training that is done, which the schedules of noise follow without planning anew.
  public var noiseProgress: Double {
    get { state.progress }
    set { state.progress = newValue }
  }

  public func forward() {
    Kernels.setThreads(options.threads)
    for step in forwardSteps { step() }
  }

  public func backward() {
    Kernels.setThreads(options.threads)
    for step in backwardSteps { step() }
  }

  /// The float output `index`.
  public func output(_ index: Int = 0) -> UnsafeBufferPointer<Float> {
    outputs[index].bindMemory(to: Float.self)
  }
  public func input(_ index: Int = 0) -> UnsafeMutableBufferPointer<Float> {
    inputs[index].bindMemory(to: Float.self)
  }

  // MARK: preparing the program

  /// The nodes that `wanted` depends on, with their numbers.
  private static func live(_ builder: GraphBuilder, wanted: Set<ValueID>) -> [(Int, Node)] {
    var needed = wanted, kept: [(Int, Node)] = []
    for (index, node) in builder.graph.nodes.enumerated().reversed()
    where node.outputs.contains(where: needed.contains) {
      kept.append((index, node))
      guard builder.knownContent(of: node) == nil else { continue }
      needed.formUnion(node.inputs.compactMap { $0 })
    }
    return kept.reversed()
  }

  /// Lets an op do the sum and the ReLU behind it, where nothing else sees the value between.
  private static func fuse(_ program: [(Int, Node)], _ types: [TensorType], keep: Set<ValueID>) -> [(Int, Node)] {
    var uses: [ValueID: Int] = [:]
    for (_, node) in program { for input in node.inputs { if let input { uses[input, default: 0] += 1 } } }
    var producers: [ValueID: Int] = [:], result: [(Int, Node)?] = []
    func single(_ id: ValueID?) -> (at: Int, node: Node)? {
      guard let id, uses[id] == 1, !keep.contains(id), let at = producers[id], let node = result[at]?.1,
        node.outputs[0] == id
      else { return nil }
      return (at, node)
    }
    for (index, node) in program {
      if let relu = node.op as? any UnaryFunction, relu.function == .relu, let (at, producer) = single(node.inputs[0]),
        let fused = producer.op.fusingRelu()
      {
        var outputs = producer.outputs
        outputs[0] = node.outputs[0]
        result[at]?.1 = Node(name: producer.name, op: fused, inputs: producer.inputs, outputs: outputs)
        producers[node.outputs[0]] = at
        continue
      }
      // A normalisation that does its ReLU also knows the way back through both.
      if var gradient = node.op as? BatchStatisticsGradient, let (at, mask) = single(node.inputs[0]),
        let masked = mask.op as? any BinaryFunction, masked.function == .reluGradient, let y = mask.inputs[1],
        let before = producers[y], let forward = result[before]?.1.op as? BatchStatisticsNormalization, forward.relu
      {
        gradient.relu = true
        result[at] = nil
        var inputs = node.inputs
        inputs[0] = mask.inputs[0]
        inputs[5] = y
        for output in node.outputs { producers[output] = result.count }
        result.append((index, Node(name: node.name, op: gradient, inputs: inputs, outputs: node.outputs)))
        continue
      }
      if let sum = node.op as? any BinaryFunction, sum.function == .add, node.inputs.count == 2 {
        let candidates = node.inputs.indices.reversed().lazy.compactMap { i in
          single(node.inputs[i]).flatMap { at, producer in producer.op.fusingSum().map { (i, at, producer, $0) } }
        }
        if let (i, at, producer, fused) = candidates.first, let other = node.inputs[1 - i],
          types[other.index].shape == types[producer.outputs[0].index].shape
        {
          // It moves to where the sum was: the other term is there by then.
          result[at] = nil
          producers[node.outputs[0]] = result.count
          result.append(
            (index, Node(name: producer.name, op: fused, inputs: producer.inputs + [other], outputs: node.outputs)))
          continue
        }
      }
      for output in node.outputs { producers[output] = result.count }
      result.append((index, node))
    }
    return result.compactMap { $0 }
  }

  /// The last node, by position, that reads each value or a view of it; none for values that outlive the run.
  private static func lastUses(_ program: [(Int, Node)], keep: [ValueID]) -> [ValueID: Int] {
    var roots: [ValueID: ValueID] = [:], last: [ValueID: Int] = [:]
    for (position, (_, node)) in program.enumerated() {
      for case let input? in node.inputs { last[roots[input] ?? input] = position }
      if node.op.isView, let input = node.inputs.first ?? nil {
        for output in node.outputs { roots[output] = roots[input] ?? input }
      }
    }
    for id in keep { last[roots[id] ?? id] = nil }
    return last
  }

  private static func write(_ literal: Literal, to memory: UnsafeMutableRawPointer) {
    switch literal {
    case .float(let tensor):
      memory.assumingMemoryBound(to: Float.self).update(from: tensor.elements, count: tensor.count)
    case .int64(_, let values): memory.assumingMemoryBound(to: Int64.self).update(from: values, count: values.count)
    case .bool(_, let values): memory.assumingMemoryBound(to: Bool.self).update(from: values, count: values.count)
    }
  }
}

extension GraphBuilder {
  /// What a node puts out, where that follows from shapes alone: nothing is left to compute.
  fileprivate func knownContent(of node: Node) -> [(ValueID, Literal)]? {
    var content: [(ValueID, Literal)] = []
    for id in node.outputs {
      guard let known = types[id.index].known else { return nil }
      let type = types[id.index]
      content.append((id, type.element == .bool ? .bool(type.shape, known.map { $0 != 0 }) : .int64(type.shape, known)))
    }
    return content
  }
}
