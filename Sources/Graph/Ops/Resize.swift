import DitherBasics
import DitherTensor

/// Images, or any arrays, brought to other extents: by the nearest element, linearly or by cubics along each axis.
/// - Source: ONNX `Resize`, opsets 10–28; regions of interest with sizes.
struct Resize: Composite {
  static let onnx = OnnxName("Resize", since: 10)
  private let sampling: Sampling
  private enum AspectRatio: String { case stretch, notLarger = "not_larger", notSmaller = "not_smaller" }
  private let aspectRatio: AspectRatio
  private var axes: [Int]?
  private let isFirstForm: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value",
      "keep_aspect_ratio_policy", "mode", "nearest_mode")
    let policy = try node.string("keep_aspect_ratio_policy", default: "stretch")
    guard let policy = AspectRatio(rawValue: policy) else {
      throw GraphError(
        .unsupportedOp, at: "\(node.place), attribute 'keep_aspect_ratio_policy'",
        expected: "stretch, not_larger or not_smaller", got: "'\(policy.clipped())'")
    }
    aspectRatio = policy
    isFirstForm = node.opset < 11
    axes = try node.ints("axes")
    sampling = try Sampling(
      node, modes: isFirstForm ? [.nearest, .linear] : [.nearest, .linear, .cubic],
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
    axes != nil || aspectRatio != .stretch || sampling.smooths
      ? 18 : sampling.coordinates == .halfPixelSymmetric ? 19 : 11
  }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func saysExtents(_ input: Int) -> Bool { input == 3 }
  func leaving(_ axis: Int, _ types: [TensorType?]) -> (op: any Op, input: Int, numbers: [Int])? {
    guard axes == nil, aspectRatio == .stretch, sampling.coordinates != .cropAndResize, hasSizes(types),
      let shape = types.optional(0)?.shape, var sizes = try? types.known(3, "sizes"), sizes.count == shape.rank,
      sizes.indices.contains(axis), sizes[axis] == shape[axis], shape.rank > 1
    else { return nil }
    var op = self
    op.axes = Array(0..<shape.rank).filter { $0 != axis }
    sizes.remove(at: axis)
    return (op, 3, sizes)
  }
  /// Exporters write a region, scales or sizes that they leave out as constants without elements.
  var takesEmpty: Bool { true }
  private func hasSizes(_ types: [TensorType?]) -> Bool {
    !isFirstForm && types.optional(3).map { $0.shape.count > 0 } == true
  }

  /// A scale near 1 may leave the extent as it was.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    let rank = types.rank(0), named = axes.map { $0.map { $0 < 0 ? $0 + rank : $0 } } ?? Array(0..<rank)
    guard input == 0, let place = named.firstIndex(of: axis) else { return false }
    if sampling.coordinates == .cropAndResize {
      guard let region = try? region(types, count: named.count), region[place] == .whole else { return true }
    }
    if hasSizes(types) { return aspectRatio != .stretch }
    guard let scales = try? types.knownFloats(isFirstForm ? 1 : 2, "scales"), scales.count == named.count else {
      return true
    }
    return scales[place] != 1
  }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 1...8), rank = x.shape.rank, place = isFirstForm ? 1 : 2
    guard x.shape.count > 0 else {
      throw GraphError(.shape, at: "input 'X'", expected: "at least one element", got: "\(x.type)")
    }
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
    if hasSizes(inputs.types) {
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
      guard sampling.coordinates == .cropAndResize else {
        return [try sampling.resize(x, sizes: sizes, scales: nil)]
      }
      let regions = try spread(region(inputs.types, count: named.count), { _ in .whole }, "roi")
      return [try sampling.resize(x, sizes: sizes, regions: regions)]
    }
    guard sampling.coordinates != .cropAndResize else {
      throw GraphError(
        .unsupportedOp, at: "input 'sizes'", expected: "sizes, with tf_crop_and_resize", got: "scales",
        advice: "export with the sizes of the result")
    }
    let scales = try spread(inputs.types.knownFloats(place, "scales"), { _ in 1 }, "scales")
    return [try sampling.resize(x, scales: scales)]
  }
}

extension Resize {
  /// The parts of the named axes that are read: all starts, then all ends.
  private func region(_ types: [TensorType?], count: Int) throws(GraphError) -> [Sampling.Region] {
    let numbers = try types.knownFloats(1, "roi")
    guard numbers.count == 2 * count, numbers.allSatisfy({ abs($0) <= 1e6 }) else {
      throw GraphError(
        .shape, at: "input 'roi'", expected: "\(count) starts and as many ends", got: "\(numbers.count) numbers")
    }
    return (0..<count).map { .init(start: Double(numbers[$0]), end: Double(numbers[count + $0])) }
  }
}

/// How a resized array is read from the one before.
struct Sampling: Sendable {
  enum Coordinates: String {
    case halfPixel = "half_pixel", pytorchHalfPixel = "pytorch_half_pixel", asymmetric, alignCorners = "align_corners"
    case halfPixelSymmetric = "half_pixel_symmetric", cropAndResize = "tf_crop_and_resize"
  }
  /// The part of an axis that is read, its corners by shares of the way from the first element to the last.
  struct Region: Sendable, Equatable {
    var start: Double, end: Double
    static let whole = Region(start: 0, end: 1)
  }
  enum Rounding: String {
    case preferFloor = "round_prefer_floor", preferCeil = "round_prefer_ceil", floor, ceil
  }
  enum Mode: String { case nearest, linear, cubic }
  let mode: Mode
  let coordinates: Coordinates
  let rounding: Rounding
  /// The cubic's slope at a distance of 1.
  private let slope: Float
  /// Whether every element counts that lies under an element of a smaller result.
  let smooths: Bool
  /// Whether the places beyond the edges have no weight, where otherwise they repeat the edge.
  private let leavesOutside: Bool
  /// The number that stands for what a region of interest has beyond the edges.
  private let beyond: Float

  /// - Parameter modes: those that the op has in this opset.
  init(_ node: OnnxNode, modes: [Mode], coordinates: String, rounding: String) throws(GraphError) {
    let word = try node.string("mode", default: "nearest")
    guard let mode = Mode(rawValue: word), modes.contains(mode) else {
      throw GraphError(
        .unsupportedOp, at: "\(node.place), attribute 'mode'",
        expected: "one of \(modes.map(\.rawValue).joined(separator: ", "))", got: "'\(word.clipped())'")
    }
    // Converters from TensorFlow write the nearest pixel so; from opset 13 on it has a word of its own.
    let isTensorFlow = coordinates == "tf_half_pixel_for_nn" && mode == .nearest && rounding == "floor"
    let coordinates = isTensorFlow ? Coordinates.halfPixel.rawValue : coordinates
    let rounding = isTensorFlow ? Rounding.preferCeil.rawValue : rounding
    guard let coordinates = Coordinates(rawValue: coordinates), let rounding = Rounding(rawValue: rounding) else {
      throw GraphError(
        .unsupportedOp, at: "\(node.place), attribute 'coordinate_transformation_mode'",
        expected: "half_pixel, pytorch_half_pixel, half_pixel_symmetric, asymmetric, align_corners or "
          + "tf_crop_and_resize",
        got: "'\(coordinates.clipped())' with '\(rounding.clipped())'")
    }
    self.mode = mode
    self.coordinates = coordinates
    self.rounding = rounding
    slope = try node.float("cubic_coeff_a", default: -0.75)
    beyond = try node.float("extrapolation_value", default: 0)
    // Neither says anything of the nearest element.
    smooths = try node.flag("antialias", default: false) && mode != .nearest
    leavesOutside = try node.flag("exclude_outside", default: false) && mode != .nearest
  }

  func write(to node: inout OnnxNode) {
    node["mode"] = .string(mode.rawValue)
    node["coordinate_transformation_mode"] = .string(coordinates.rawValue)
    if mode == .nearest { node["nearest_mode"] = .string(rounding.rawValue) }
    if mode == .cubic { node["cubic_coeff_a"] = .float(slope) }
    if smooths { node["antialias"] = .int(1) }
    if leavesOutside { node["exclude_outside"] = .int(1) }
    if coordinates == .cropAndResize, beyond != 0 { node["extrapolation_value"] = .float(beyond) }
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

  /// Regions of the axes, brought to `sizes`.
  func resize(_ x: Value, sizes: [Int], regions: [Region]) throws(GraphError) -> Value {
    // Places beyond the edges have no weight, and so are 0.
    var y = beyond == 0 ? x : try x + -beyond
    for (axis, length) in sizes.enumerated() {
      let extent = x.shape[axis], region = regions[axis]
      guard (1...AxisMix.limit).contains(length) else {
        throw GraphError(
          .shape, at: "input 'sizes'", expected: "extents from 1 to \(AxisMix.limit)",
          got: "\(length) along axis \(axis)")
      }
      guard length != extent || region != .whole else { continue }
      let last = Double(extent - 1), width = (region.end - region.start) * last
      y = try y.mixed(
        axis,
        (0..<length).map { index in
          let place =
            length > 1
            ? region.start * last + Double(index) * width / Double(length - 1)
            : (region.start + region.end) / 2 * last
          return place < 0 || place > last ? [] : weights(around: place, extent, Double(length) / Double(extent))
        })
    }
    return beyond == 0 ? try y.copied() : try y + beyond
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
    // Regions of interest have places of their own.
    case .asymmetric, .cropAndResize: place = at / scale
    // By the result's whole width, as PyTorch and onnxruntime have it: the corners meet.
    case .alignCorners: place = length == 1 ? 0 : at * Double(extent - 1) / Double(length - 1)
    case .halfPixel: place = (at + 0.5) / scale - 0.5
    case .pytorchHalfPixel: place = length > 1 ? (at + 0.5) / scale - 0.5 : 0
    case .halfPixelSymmetric:
      // The result's width as it would be without rounding, centered.
      let adjustment = Double(length) / (scale * Double(extent)), center = Double(extent) / 2
      place = center * (1 - adjustment) + (at + 0.5) / scale - 0.5
    }
    return weights(around: place, extent, scale)
  }

  private func weights(around place: Double, _ extent: Int, _ scale: Double) -> [(column: Int, weight: Float)] {
    let last = extent - 1
    if mode == .cubic || smooths { return weighed(around: place, extent, scale) }
    if mode == .linear {
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

  /// Elements around a place by their distance from it, which a smoothed smaller result measures by its own elements.
  private func weighed(around place: Double, _ extent: Int, _ scale: Double) -> [(column: Int, weight: Float)] {
    let measure = smooths ? Swift.min(scale, 1) : 1, reach = (mode == .cubic ? 2 : 1) / measure
    let first = Int((place - reach).rounded(.down)), last = Int((place + reach).rounded(.up))
    var columns: [Int] = [], weights: [Double] = []
    for index in first...last {
      let weight = kernel(abs(Double(index) - place) * measure), column = index.clamped(to: 0...extent - 1)
      guard weight != 0, !leavesOutside || column == index else { continue }
      if column == columns.last {
        weights[weights.count - 1] += weight
      } else {
        columns.append(column)
        weights.append(weight)
      }
    }
    let sum = smooths || leavesOutside ? weights.reduce(0, +) : 1
    return zip(columns, weights).map { (column: $0, weight: Float($1 / sum)) }
  }

  /// - Source: of the cubic, Keys, Cubic convolution interpolation for digital image processing, 1981, doi
  ///   10.1109/TASSP.1981.1163711.
  private func kernel(_ distance: Double) -> Double {
    guard mode == .cubic else { return Swift.max(1 - distance, 0) }
    let a = Double(slope)
    if distance <= 1 { return ((a + 2) * distance - (a + 3)) * distance * distance + 1 }
    return distance < 2 ? a * (((distance - 5) * distance + 8) * distance - 4) : 0
  }
}
