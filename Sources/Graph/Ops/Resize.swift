import DitherBasics
import DitherTensor

/// Images, or any arrays, brought to other extents: by the nearest element or linearly along each axis.
/// - Source: ONNX `Resize`, opsets 10–28, modes `nearest` and `linear`.
struct Resize: Composite {
  static let onnx = OnnxName("Resize", since: 10)
  private let sampling: Sampling
  private enum AspectRatio: String { case stretch, notLarger = "not_larger", notSmaller = "not_smaller" }
  private let aspectRatio: AspectRatio
  private let axes: [Int]?
  private let isFirstForm: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value",
      "keep_aspect_ratio_policy", "mode", "nearest_mode")
    let policy = try node.string("keep_aspect_ratio_policy", default: "stretch")
    guard try !node.flag("antialias", default: false), try !node.flag("exclude_outside", default: false),
      let policy = AspectRatio(rawValue: policy)
    else {
      throw GraphError(
        .unsupportedOp, at: node.place,
        expected: "neither antialias nor exclude_outside, keep_aspect_ratio_policy stretch, not_larger or not_smaller",
        got: "others")
    }
    aspectRatio = policy
    isFirstForm = node.opset < 11
    axes = try node.ints("axes")
    sampling = try Sampling(
      node, mode: node.string("mode", default: "nearest"),
      coordinates: node.string("coordinate_transformation_mode", default: isFirstForm ? "asymmetric" : "half_pixel"),
      rounding: node.string("nearest_mode", default: isFirstForm ? "floor" : "round_prefer_floor"))
  }
  func write(to node: inout OnnxNode) {
    sampling.write(to: &node)
    if let axes { node["axes"] = .ints(axes.map(Int64.init)) }
    if aspectRatio != .stretch { node["keep_aspect_ratio_policy"] = .string(aspectRatio.rawValue) }
    // Opset 10 had no region of interest between the data and the scales.
    if isFirstForm { node.movedInputs = [0: 0, 1: 2] }
  }
  var leastOpset: Int {
    axes != nil || aspectRatio != .stretch ? 18 : sampling.coordinates == .halfPixelSymmetric ? 19 : 11
  }
  func trainable(_ input: Int) -> Bool { input == 0 }

  /// A scale near 1 may leave the extent as it was.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    let rank = types.rank(0), named = axes.map { $0.map { $0 < 0 ? $0 + rank : $0 } } ?? Array(0..<rank)
    guard input == 0, let place = named.firstIndex(of: axis) else { return false }
    if !isFirstForm, types.optional(3) != nil { return aspectRatio != .stretch }
    guard let scales = try? types.knownFloats(isFirstForm ? 1 : 2, "scales"), scales.count == named.count else {
      return true
    }
    return scales[place] != 1
  }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 1...8), rank = x.shape.rank, place = isFirstForm ? 1 : 2
    var named = Array(0..<rank)
    if let axes {
      named = []
      for axis in axes { named.append(try resolveAxis(axis, rank: rank, "axes")) }
    }
    func spread<T>(_ values: [T], _ filler: (Int) -> T, _ name: String) throws(GraphError) -> [T] {
      guard values.count == named.count, Set(named).count == named.count else {
        throw GraphError(.shape, at: "input '\(name)'", expected: "\(named.count) numbers", got: "\(values.count)")
      }
      var result = (0..<rank).map(filler)
      for (axis, value) in zip(named, values) { result[axis] = value }
      return result
    }
    if !isFirstForm, inputs.has(3) {
      var sizes = try spread(inputs.types.known(3, "sizes"), { x.shape[$0] }, "sizes")
      if aspectRatio != .stretch {
        let ratios = named.map { Double(sizes[$0]) / Double(x.shape[$0]) }
        let ratio = (aspectRatio == .notLarger ? ratios.min() : ratios.max()) ?? 1
        // One scale for all named axes, of which the sizes are what it comes to.
        guard ratio.isFinite, ratio > 0, named.allSatisfy({ ratio * Double(x.shape[$0]) < Double(AxisMix.limit) })
        else {
          throw GraphError(
            .shape, at: "input 'sizes'", expected: "extents from 1 to \(AxisMix.limit)", got: "\(sizes)")
        }
        for axis in named { sizes[axis] = Int((ratio * Double(x.shape[axis])).rounded(.toNearestOrAwayFromZero)) }
        var scales = [Double](repeating: 1, count: rank)
        for axis in named { scales[axis] = ratio }
        return [try sampling.resize(x, sizes: sizes, scales: scales)]
      }
      return [try sampling.resize(x, sizes: sizes, scales: nil)]
    }
    let scales = try spread(inputs.types.knownFloats(place, "scales"), { _ in 1 }, "scales")
    return [try sampling.resize(x, scales: scales)]
  }
}

/// How a resized array is read from the one before.
struct Sampling: Sendable {
  enum Coordinates: String {
    case halfPixel = "half_pixel", pytorchHalfPixel = "pytorch_half_pixel", asymmetric, alignCorners = "align_corners"
    case halfPixelSymmetric = "half_pixel_symmetric"
  }
  enum Rounding: String {
    case preferFloor = "round_prefer_floor", preferCeil = "round_prefer_ceil", floor, ceil
  }
  let isLinear: Bool
  let coordinates: Coordinates
  let rounding: Rounding

  init(_ node: OnnxNode, mode: String, coordinates: String, rounding: String) throws(GraphError) {
    guard ["nearest", "linear"].contains(mode) else {
      throw GraphError(
        .unsupportedOp, at: "\(node.place), attribute 'mode'", expected: "nearest or linear", got: "'\(mode.clipped())'"
      )
    }
    // Converters from TensorFlow write the nearest pixel so; from opset 13 on it has a word of its own.
    let isTensorFlow = coordinates == "tf_half_pixel_for_nn" && mode == "nearest" && rounding == "floor"
    let coordinates = isTensorFlow ? Coordinates.halfPixel.rawValue : coordinates
    let rounding = isTensorFlow ? Rounding.preferCeil.rawValue : rounding
    guard let coordinates = Coordinates(rawValue: coordinates), let rounding = Rounding(rawValue: rounding) else {
      throw GraphError(
        .unsupportedOp, at: "\(node.place), attribute 'coordinate_transformation_mode'",
        expected: "half_pixel, pytorch_half_pixel, half_pixel_symmetric, asymmetric or align_corners",
        got: "'\(coordinates.clipped())' with '\(rounding.clipped())'")
    }
    isLinear = mode == "linear"
    self.coordinates = coordinates
    self.rounding = rounding
  }

  func write(to node: inout OnnxNode) {
    node["mode"] = .string(isLinear ? "linear" : "nearest")
    node["coordinate_transformation_mode"] = .string(coordinates.rawValue)
    if !isLinear { node["nearest_mode"] = .string(rounding.rawValue) }
  }

  func resize(_ x: Value, scales: [Float]) throws(GraphError) -> Value {
    var sizes: [Int] = []
    for (axis, scale) in scales.enumerated() {
      // In single precision, where 7 / 3 · 3 is 7, as exporters compute the scale.
      let size = (scale * Float(x.shape[axis])).rounded(.down)
      guard scale > 0, size <= Float(AxisMix.limit) else {
        throw GraphError(
          .shape, at: "input 'scales'", expected: "numbers above 0, and extents up to \(AxisMix.limit)",
          got: "\(scales)")
      }
      sizes.append(Int(size))
    }
    return try resize(x, sizes: sizes, scales: scales.map(Double.init))
  }

  /// - Parameter scales: nil: the quotients of the extents.
  func resize(_ x: Value, sizes: [Int], scales: [Double]?) throws(GraphError) -> Value {
    var y = x
    for (axis, length) in sizes.enumerated() {
      let extent = x.shape[axis], scale = scales?[axis] ?? Double(length) / Double(extent)
      guard (1...AxisMix.limit).contains(length), scale > 0 else {
        throw GraphError(
          .shape, at: "input '\(scales == nil ? "sizes" : "scales")'", expected: "extents from 1 to \(AxisMix.limit)",
          got: "\(length) along axis \(axis)")
      }
      guard length != extent || scale != 1 else { continue }
      y = try y.mixed(axis, (0..<length).map { taps($0, length, extent, scale) })
    }
    return try y.copied()
  }

  private func taps(_ index: Int, _ length: Int, _ extent: Int, _ scale: Double) -> [(column: Int, weight: Float)] {
    let at = Double(index)
    let place: Double
    switch coordinates {
    case .asymmetric: place = at / scale
    // By the result's whole width, as PyTorch and onnxruntime have it: the corners meet.
    case .alignCorners: place = length == 1 ? 0 : at * Double(extent - 1) / Double(length - 1)
    case .halfPixel: place = (at + 0.5) / scale - 0.5
    case .pytorchHalfPixel: place = length > 1 ? (at + 0.5) / scale - 0.5 : 0
    case .halfPixelSymmetric:
      // The result's width as it would be without rounding, centered.
      let adjustment = Double(length) / (scale * Double(extent)), center = Double(extent) / 2
      place = center * (1 - adjustment) + (at + 0.5) / scale - 0.5
    }
    let last = extent - 1
    if isLinear {
      let held = Swift.min(Swift.max(place, 0), Double(last)), below = Int(held.rounded(.down))
      let share = Float(held - Double(below))
      guard share > 0 else { return [(column: below, weight: Float(1))] }
      return [(column: below, weight: 1 - share), (column: Swift.min(below + 1, last), weight: share)]
    }
    // A hair, so that a quotient that should be exact is.
    let nearest: Double
    switch rounding {
    case .floor: nearest = (place + 1e-9).rounded(.down)
    case .ceil: nearest = (place - 1e-9).rounded(.up)
    case .preferFloor: nearest = (place - 0.5 - 1e-9).rounded(.up)
    case .preferCeil: nearest = (place + 0.5 + 1e-9).rounded(.down)
    }
    return [(column: Int(nearest).clamped(to: 0...last), weight: Float(1))]
  }
}
