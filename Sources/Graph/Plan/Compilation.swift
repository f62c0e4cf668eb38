import DitherBasics
import DitherTensor

/// A plan in the making, chapter by chapter: the graph with its noise, the values that are asked for, kernel calls,
/// memory.
struct Compilation {
  private let options: Plan.Options
  private let parameters: ParameterBuffers
  private let builder: GraphBuilder
  let values: PlannedValues
  /// The parameters' values here, by the graph's.
  private let stored: [ValueID: ValueID]
  private var plan: PlanBuilder
  private var memory = PersistentMemory()
  private let state: RunState
  private var forwardSteps = 0

  init(_ graph: Graph, _ parameters: ParameterBuffers, _ options: Plan.Options, noise: NoiseModel?) throws(GraphError) {
    guard options.rows > 0, options.samples > 0, options.rows <= 1 << 24, options.samples <= 1 << 20 else {
      throw GraphError(
        .shape, at: "plan", expected: "at least one row and one sample", got: "\(options.rows) and \(options.samples)")
    }
    let noise = options.path == nil ? nil : noise ?? graph.noise?.settled
    let builder = try Self.replay(graph, options, noise)
    values = try PlannedValues(of: graph, in: builder, options, trainable: parameters.trainable)
    let program = PlannedNodes(builder, wanted: values.wanted)
    // A constant that a member's stands for is none here.
    let constants = builder.replayed.filter { [builder] in builder.graph.literals[$0.value.id] != nil }
    stored = Dictionary(constants.map { ($0.value.id, $0.key) }, uniquingKeysWith: { first, _ in first })
    plan = PlanBuilder(
      builder, threads: options.threads, precision: Plan.hasBfloat16 ? options.precision : .float32,
      // A graph may hold its reverse pass itself.
      differentiated: options.inputGradient || options.parameterGradients
        || program.nodes.contains { $0.node.op.readsWorkspace },
      parameters: parameters, stored: stored,
      lastUses: options.repeatsBackward ? program.lastUses(before: values.forwardNodes) : program.lastUses)
    state = RunState(rows: options.rows, antithetic: options.antithetic, noise: noise)
    (self.options, self.parameters, self.builder) = (options, parameters, builder)
    try lower(program)
  }

  /// The graph for this number of rows, with its noise in place.
  private static func replay(
    _ graph: Graph, _ options: Plan.Options, _ noise: NoiseModel?
  ) throws(GraphError) -> GraphBuilder {
    let builder = GraphBuilder(name: graph.name, rows: options.rows)
    builder.usesBatchStatistics = options.batchStatistics
    guard let path = options.path, let noise else {
      try builder.replay(graph)
      return builder
    }
    guard path != .fresh || !options.parameterGradients else {
      throw GraphError(
        .noise, at: "plan", expected: "the exact or the explicit path for gradients of parameters", got: "fresh draws")
    }
    var placement = try Placement(
      noise, of: graph, in: builder, path: path, samples: options.samples, differentiable: options.inputGradient)
    try placement.run()
    return builder
  }

  private mutating func lower(_ program: PlannedNodes) throws(GraphError) {
    var forward: Int?
    for (position, (number, node)) in program.nodes.enumerated() {
      if number >= values.forwardNodes, forward == nil {
        for value in values.outputs { _ = try plan.plain(value) }
        forward = plan.stepCount
      }
      plan.node = position
      if let content = builder.knownContent(of: node) {
        for (id, literal) in content { memory.write(literal, Value(id: id, builder: builder)) }
        continue
      }
      try node.op.lower(builder.call(node), into: &plan)
    }
    for value in values.outputs { _ = try plan.plain(value) }
    forwardSteps = forward ?? plan.stepCount
    for value in values.gradients { _ = try plan.plain(value) }
  }

  /// A plan's parts.
  struct Result {
    var forward: [Step], backward: [Step]
    var state: RunState
    var owned: [AnyObject]
    var arenaBytes: Int, ownBytes: Int
    var inputs: [UnsafeMutableRawBufferPointer]
    var parameterGradients: UnsafeMutableBufferPointer<Float>
    /// Where a value lies.
    var pointer: (Value) -> UnsafeMutableRawPointer

    /// As many numbers as a value has; none of nil.
    func floats(_ value: Value?) -> UnsafeMutableBufferPointer<Float> {
      guard let value else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
      return UnsafeMutableBufferPointer(
        start: pointer(value).assumingMemoryBound(to: Float.self), count: value.shape.count)
    }
  }

  /// - Throws: when a step could not be added.
  mutating func finish() throws(GraphError) -> Result {
    let inputs = values.inputs.map {
      UnsafeMutableRawBufferPointer(start: memory.allocate($0), count: $0.type.byteCount)
    }
    placeConstants()
    if let cotangent = values.cotangent { memory.allocate(cotangent) }
    let gradients = placeParameterGradients()
    for value in values.outputs + values.inputGradients.compactMap({ $0 }) + values.statisticValues
    where memory.fixed[plan.root(value.id)] == nil {
      memory.put(plan.root(value.id), at: memory.allocate(value))
    }
    if let failure = plan.failure { throw failure }
    let layout = plan.layOut(
      fixed: memory.fixed, state: state, kept: options.repeatsBackward ? 0..<forwardSteps : 0..<0)
    return Result(
      forward: Array(layout.steps[..<forwardSteps]), backward: Array(layout.steps[forwardSteps...]), state: state,
      owned: memory.owned + plan.kernels as [AnyObject] + plan.owned + [layout.arena],
      arenaBytes: layout.arena.bytes.count, ownBytes: memory.bytes, inputs: inputs, parameterGradients: gradients,
      pointer: layout.pointers)
  }

  /// The ones that steps read plain, all where gradients may be constants too.
  private mutating func placeConstants() {
    for (id, literal) in builder.graph.literals where options.parameterGradients || plan.readsPlain(id) {
      if let stored = stored[id], let pointer = parameters.plain(stored) {
        memory.put(id, at: pointer)
      } else if let shared = parameters.constant(nil, literal) {
        memory.own(shared)
        memory.put(id, at: shared.plain.base)
      } else {
        memory.write(literal, Value(id: id, builder: builder))
      }
    }
  }

  /// Gradients of parameters lie as the parameters do; one that two parameters share is copied.
  private mutating func placeParameterGradients() -> UnsafeMutableBufferPointer<Float> {
    guard options.parameterGradients else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
    let buffer = AlignedBuffer(floats: parameters.count)
    memory.own(buffer)
    for (id, gradient) in values.parameterGradients {
      guard let range = parameters.ranges[id], let base = buffer.floats.baseAddress else { continue }
      let root = plan.root(gradient.id), target = UnsafeMutableRawPointer(base + range.lowerBound)
      guard memory.fixed[root] != nil else {
        memory.put(root, at: target)
        continue
      }
      let bytes = range.count * 4
      plan.step([gradient]) { memory in
        let from = memory.raw(gradient)
        return { target.copyMemory(from: from, byteCount: bytes) }
      }
    }
    return buffer.floats
  }
}
