import DitherBasics
import DitherGraph
import DitherTensor

/// Progressive resizing: the training begins with smaller pictures, which cost less, and comes to whole ones in steps.
/// Source: Howard 2018, "Training Imagenet in 3 hours for 25 minutes", fast.ai; Tan and Le 2021, arXiv 2104.00298, 4.
///
/// Its properties are keys of a recipe's `resizing`. Pictures are made smaller behind their augmentation, before
/// strategies and noise, so that sizes of those are of whole and of smaller pictures.
public struct Resizing: Codable, Sendable, Ranged {
  /// The share of each side at the beginning, above 0 and below 1.
  public var from = 0.5
  /// The share of the run from which on pictures are whole, above 0, to 1.
  public var until = 0.5
  /// Sizes before the whole one, evenly spread, each for as long as another; from 1.
  public var steps = 2
  public init() {}

  public func check() throws(CatalogError) {
    try require(from > 0 && from < 1, "from", "above 0 and below 1", from)
    try require(until > 0 && until <= 1, "until", "above 0, to 1", until)
    try require((1...64).contains(steps), "steps", "1 to 64", steps)
  }

  /// - Parameters:
  ///   - progress: the share of the run that is done where an epoch begins, 0 to below 1: a size is of whole epochs.
  ///   - whole: of one picture, [channels, H, W].
  /// - Returns: of one picture of that epoch.
  public func shape(at progress: Double, of whole: Shape) -> Shape {
    guard progress < until else { return whole }
    // 0.6 / 0.8 · 4 is a little below 3 in doubles.
    let step = min(Int(progress / until * Double(steps) + 1e-9), steps - 1)
    let share = from + (1 - from) * Double(step) / Double(steps)
    func side(_ pixels: Int) -> Int { max(Int((Double(pixels) * share).rounded()), 1) }
    return [whole[0], side(whole[1]), side(whole[2])]
  }

  /// All sizes of a run, each once, the smallest first.
  func shapes(of whole: Shape) -> [Shape] {
    (0..<steps).map { shape(at: until * (Double($0) + 0.5) / Double(steps), of: whole) } + [whole]
  }

  /// Pictures made smaller: each pixel is the mean of the area that it covers, pixels at the edge by their share.
  /// - Parameters:
  ///   - pictures: [N, channels, H, W].
  ///   - shape: of one picture, no larger.
  public static func resized(_ pictures: Tensor, to shape: Shape) -> Tensor {
    let from = pictures.shape
    guard from.row != shape else { return pictures }
    let rows = areas(of: from[2], in: shape[1]), columns = areas(of: from[3], in: shape[2])
    let height = from[2], width = from[3], planes = from[0] * from[1]
    return Tensor(Shape([from[0]] + shape.dimensions)) { out in
      pictures.elements.withUnsafeBufferPointer { pixels in
        var line = [Float](repeating: 0, count: width), at = 0
        for plane in 0..<planes {
          for row in rows {
            line.withUnsafeMutableBufferPointer { line in
              line.update(repeating: 0)
              for (y, share) in row {
                let start = (plane * height + y) * width
                for x in 0..<width { line[x] += share * pixels[start + x] }
              }
              for column in columns {
                out[at] = column.reduce(0) { $0 + $1.share * line[$1.place] }
                at += 1
              }
            }
          }
        }
      }
    }
  }

  /// By pixel of the smaller side: the pixels that it covers, with their shares of it.
  private static func areas(of pixels: Int, in count: Int) -> [[(place: Int, share: Float)]] {
    let length = Double(pixels) / Double(count)
    return (0..<count).map { index in
      let start = Double(index) * length, end = start + length
      return (Int(start)..<min(Int(end.rounded(.up)), pixels)).map { place in
        (place, Float((min(end, Double(place + 1)) - max(start, Double(place))) / length))
      }
    }
  }
}

extension Recipe {
  /// The network for pictures of another size, with noise in place: of the same parameters, with other numbers.
  /// - Parameter whole: the network that is trained.
  /// - Throws: where it is not made of the same parameters, or has no room for pictures that small.
  func network(for shape: Shape, like whole: Graph, outputs: Int) throws -> Graph {
    var graph = try architecture.build(input: shape, outputs: outputs, seed: seed)
    try graph.train(with: noise)
    let isSame =
      graph.literals.count == whole.literals.count
      && graph.literals.allSatisfy { id, literal in
        whole.literals[id]?.type.shape == literal.type.shape && graph.valueNames[id.index] == whole.valueNames[id.index]
      }
    guard isSame else {
      throw TrainError(
        .recipe, at: "recipe, 'resizing'",
        expected: "a network that takes pictures of any size: \(Airbench.name), \(ResNet.name), \(ResNet9.name)",
        got: "'\(type(of: architecture).name)'")
    }
    return graph
  }

  /// - Parameter shape: of one example.
  /// - Throws: where examples are no pictures.
  func checkResizing(of shape: Shape) throws(TrainError) {
    guard resizing == nil || shape.rank == 3 else {
      throw TrainError(
        .data, at: "recipe, 'resizing'", expected: "pictures [channels, H, W]", got: "examples of \(shape)")
    }
  }
}
