import DitherDatasets
import DitherTestSupport
import DitherTensor
import Foundation
import Testing

/// Data of one's own, from a recipe to an audit.
@Suite("Data of one's own", .enabled(if: Program.isBuilt, "dither is not built"))
struct OwnDataTests {
  private static func write(_ text: String, _ path: String) throws {
    let place = URL(filePath: path)
    try FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: place)
  }

  /// Irises of a kind apart from the others.
  private static let irises = (0..<90).map { row in
    let kind = row % 3
    return "\(Double(kind) + Double(row % 7) / 10),\(Double(row % 11) / 4),\(Double(row % 5) / 3),1.\(row % 10),"
      + ["Iris-setosa", "Iris-versicolor", "Iris-virginica"][kind]
  }.joined(separator: "\n")

  private func train(_ data: String, _ scratch: Scratch, _ folder: String, _ environment: [String: String]) throws
    -> [String: Any]
  {
    try Self.write(
      "name: own\ndata: '\(data)'\nmodel: {hidden: [8]}\noptimizer: {kind: adam, rate: 0.02}\nepochs: 4\nbatch: 8\n"
        + "noise: [{site: weights, sigma: 0.05}]\n", scratch.file("own.yml"))
    let result = try Program.run(
      ["train", scratch.file("own.yml"), "--out", scratch.file(folder), "--json"], environment: environment)
    #expect(result.status == 0, "\(result.errors)")
    let card = try Data(contentsOf: URL(filePath: scratch.file("\(folder)/own.card.json")))
    return try #require(try JSONSerialization.jsonObject(with: card) as? [String: Any])
  }

  @Test("a set by its name and the same file by its path give the same model and the same audit")
  func sameByNameAndPath() throws {
    let scratch = try Scratch(), path = scratch.file("root/uci/iris/iris.csv")
    try Self.write(Self.irises, path)
    let environment = ["DITHER_DATA": scratch.file("root")]
    let named = try train("iris", scratch, "a", environment), own = try train(path, scratch, "b", environment)
    #expect(named["digest"] as? String == own["digest"] as? String && named["data_origin"] == nil)
    let origin = try #require(own["data_origin"] as? [String: Any])
    #expect(origin["path"] as? String == path && (origin["sha256"] as? String)?.count == 64)
    let record = try String(contentsOfFile: scratch.file("b/runs/own-seed1/run.json"), encoding: .utf8)
    #expect(record.contains("data_origin"))
    func audit(_ data: String) throws -> NSArray {
      let result = try Program.run(
        ["audit", scratch.file("a/own.onnx"), "--data", data, "--probe", "clean", "--probe", "calibration", "--json"],
        environment: environment)
      #expect(result.status == 0, "\(result.errors)")
      return try #require(try result.json()["probes"] as? NSArray)
    }
    #expect(try audit("iris:10") == audit("\(path):10") && audit("iris") == audit(path))
  }

  @Test("a folder of pictures is trained on and audited; what is wrong with data is said before any work")
  func pictures() throws {
    let scratch = try Scratch()
    for kind in 0..<2 {
      for number in 0..<10 {
        let folder = scratch.file("photos/kind\(kind)")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // The picture that the repository has, and a smaller one of another kind.
        let picture = kind == 0 ? "examples/ankle-boot.png" : "examples/checkerboard.png"
        try FileManager.default.copyItem(
          at: Program.package.appending(path: picture), to: URL(filePath: "\(folder)/\(number).png"))
      }
    }
    let photos = scratch.file("photos") + "?size=8"
    let card = try train(photos, scratch, "c", [:])
    #expect((card["data_origin"] as? [String: Any])?["files"] as? Int == 20)
    let audit = try Program.run("audit", scratch.file("c/own.onnx"), "--data", photos, "--probe", "clean", "--json")
    let audited = try audit.json()["n"] as? Int
    #expect(audit.status == 0 && audited == 4, "\(audit.errors)")
    for (data, words) in [
      (scratch.file("none.csv"), "no"), (photos + "&sise=3", "did you mean 'size'"),
      (scratch.file("own.yml"), "?form="),
      (scratch.file("x.npy"), "--labels"),
    ] {
      let refused = try Program.run("audit", scratch.file("c/own.onnx"), "--data", data, "--probe", "clean")
      #expect(refused.status != 0 && refused.errors.contains(words), "\(refused.errors)")
    }
  }

  @Test("texts: trained, audited by their path, served, and asked about a new one by the words of the model's file")
  func texts() throws {
    let scratch = try Scratch(), path = scratch.file("t.txt")
    let lines = (0..<60).map { "\($0 % 2 == 0 ? "yes\tsuch a fine" : "no\tsuch a dull") film \($0 % 5)" }
    try Self.write(lines.joined(separator: "\n"), path)
    try Self.write(
      "name: own\ndata: '\(path)?length=6'\nmodel: {kind: text_cnn, embedding: 8, channels: 8}\n"
        + "optimizer: {kind: adam, rate: 0.02}\nepochs: 6\nbatch: 8\nnoise: [{site: embeddings, sigma: 0.05}]\n",
      scratch.file("own.yml"))
    let trained = try Program.run("train", scratch.file("own.yml"), "--out", scratch.file("m"))
    #expect(trained.status == 0, "\(trained.errors)")
    let file = scratch.file("m/own.onnx")
    let audit = try Program.run("audit", file, "--data", path + "?length=6", "--probe", "clean", "--json")
    let audited = try audit.json()["n"] as? Int
    #expect(audit.status == 0 && audited == 12, "\(audit.errors)")
    let server = try LiveServer(state: scratch)
    #expect(try server.dither("upload", file, "--name", "own").status == 0)
    let answer = try server.dither("predict", "own", "--text", "A FINE film!", "a dull one", "--words", file, "--json")
    let found = try #require(try answer.json()["predictions"] as? [[String: Any]])
    #expect(answer.status == 0 && found.count == 2, "\(answer.errors)")
    let served = try server.dither("audit", "own", "--data", path + "?length=6:5", "--probe", "clean", "--json")
    let five = try served.json()["n"] as? Int
    #expect(served.status == 0 && five == 5, "\(served.errors)")
    let other = try server.dither("predict", "own", "--text", "x", "--words", path)
    #expect(other.status != 0 && other.errors.contains("the file of the served model"), "\(other.errors)")
  }
}
