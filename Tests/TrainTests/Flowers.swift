import DitherDatasets
import Foundation

/// A root with 150 flowers of three kinds, as the file of Iris has them.
enum Flowers {
  static func write(to root: DataRoot) throws {
    let kinds = ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]
    let lines = (0..<150).map { row in
      let kind = row / 50, wave = (0..<4).map { sin(Double(row * (3 + $0))) / 3 + Double(kind * ($0 + 1)) }
      return (wave.map { "\($0)" } + [kinds[kind]]).joined(separator: ",")
    }
    let file = root.url.appending(path: "uci/iris/iris.csv")
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
  }
}
