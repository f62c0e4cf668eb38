import DitherBasics
import DitherTensor

/// Images, or any arrays, brought to other extents: by the nearest element or linearly along each axis.
/// - Source: ONNX `Resize`, opsets 10–21, modes `nearest` and `linear`.
struct Resize: Composite {
  static let onnx = OnnxName("Resize", since: 10)
  private let sampling: Sampling
  private let axes: [Int]?
  private let isFirstForm: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value",
      "keep_aspect_ratio_policy", "mode", "nearest_mode")
    guard try !node.flag("antialias", default: false), try !node.flag("exclude_outside", default: false),
      try node.string("keep_aspect_ratio_policy", default: "stretch") == "stretch"
    else {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "no antialias, no exclude_outside, keep_aspect_ratio_policy stretch",
        got: "one of them")
    }
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
    // Opset 10 had no region of interest between the data and the scales.
    if isFirstForm { node.movedInputs = [0: 0, 1: 2] }
  }
  var leastOpset: Int { axes != nil ? 18 : sampling.coordinates == .halfPixelSymmetric ? 19 : 11 }
  func trainable(_ input: Int) -> Bool { input == 0 }

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
      let sizes = try spread(inputs.types.known(3, "sizes"), { x.shape[$0] }, "sizes")
      return [try sampling.resize(x, sizes: sizes, scales: nil)]
    }
    let scales = try spread(inputs.types.knownFloats(place, "scales"), { _ in 1 }, "scales")
    return [try sampling.resize(x, sizes: nil, scales: scales)]
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
        .unsupportedOp, at: "\(node.place), attribute 'mode'", expected: "nearest or linear", got: "'\(mode.clipped())'")
    }
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

  func resize(_ x: Value, sizes: [Int]?, scales: [Float]?) throws(GraphError) -> Value {
    var y = x
    for axis in 0..<x.shape.rank {
      let extent = x.shape[axis]
      var scale = Double(scales?[axis] ?? 1), length = extent
      if let sizes {
        length = sizes[axis]
        scale = Double(length) / Double(extent)
      } else if scale > 0, scale * Double(extent) < 1e9 {
        length = Int((scale * Double(extent)).rounded(.down))
      }
      guard scale > 0, scale.isFinite, length > 0, length <= AxisMix.limit else {
        throw GraphError(
          .shape, at: "input '\(sizes == nil ? "scales" : "sizes")'", expected: "extents from 1 to \(AxisMix.limit)",
          got: "\(scale) for \(extent) along axis \(axis)")
      }
      guard length != extent || scale != 1 else { continue }
      y = try y.mixed(axis, (0..<length).map { taps($0, length, extent, scale) })
    }
    return y.copied()
  }

  private func taps(_ index: Int, _ length: Int, _ extent: Int, _ scale: Double) -> [(column: Int, weight: Float)] {
    let at = Double(index)
    let place: Double
    switch coordinates {
    case .asymmetric: place = at / scale
    case .alignCorners:
      // The width before it is rounded, as the standard's reference has it.
      let width = scale * Double(extent)
      place = width == 1 ? 0 : at * Double(extent - 1) / (width - 1)
    case .halfPixel: place = (at + 0.5) / scale - 0.5
    case .pytorchHalfPixel: place = length > 1 ? (at + 0.5) / scale - 0.5 : 0
    case .halfPixelSymmetric:
      // The result's width as it would be without rounding, centred.
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
