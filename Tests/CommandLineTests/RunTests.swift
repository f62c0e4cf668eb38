import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("dither run", .enabled(if: Program.isBuilt, "dither is not built"))
struct RunTests {
  @Test(
    "PyTorch's outputs and input gradients", .enabled(if: Golden.isPresent, "reference vectors absent"),
    arguments: ["mlp", "cnn_mnist", "lenet5"])
  func matchesReference(_ name: String) throws {
    let folder = try #require(Golden.root).appending(path: "onnx/\(name)")
    let data = folder.appending(component: "test_data_set_0")
    let scratch = try Scratch()
    let result = try Program.run(
      "run", folder.appending(component: "model.onnx").path, "--input",
      "input=\(data.appending(component: "input_0.pb").path)", "--labels", data.appending(component: "labels.pb").path,
      "--gradient", "--output-dir", scratch.file("out"), "--json")
    #expect(result.status == 0, "\(result.errors)")
    for (written, golden) in [("logits", "output_0"), ("input.grad", "grad_input_0")] {
      let got = try Npy([UInt8](Data(contentsOf: URL(filePath: scratch.file("out/\(written).npy"))))).tensor
      let expected = try OnnxTensor.read([UInt8](Data(contentsOf: data.appending(component: "\(golden).pb"))))
      guard case .float(let tensor) = expected else { continue }
      #expect(got.isClose(to: tensor, absolute: 1e-4))
    }
  }

  @Test("a malformed file is refused with the reason", .enabled(if: Golden.isPresent, "reference vectors absent"))
  func refusesMalformed() throws {
    let folder = try #require(Golden.root).appending(path: "onnx/invalid")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    for file in files where file.pathExtension == "onnx" && !file.lastPathComponent.hasPrefix("control") {
      guard !Golden.taken.contains(file.lastPathComponent) else { continue }
      let result = try Program.run("run", file.path, "--check")
      // The command line reads the file beside it; a server is sent whole ones.
      guard file.lastPathComponent != "external_sibling.onnx" else {
        #expect(result.status == 0 && result.output.contains("valid"), "\(result.errors)")
        continue
      }
      #expect([2, 6].contains(result.status), "\(file.lastPathComponent): \(result.status) \(result.errors)")
      #expect(result.errors.hasPrefix("dither: ") && result.output.isEmpty, "\(file.lastPathComponent)")
    }
  }

  @Test(
    "what the command line refuses", .enabled(if: Golden.isPresent, "reference vectors absent"),
    arguments: [
      (["--input", "picture=INPUT", "--output-dir", "out"], "one of input"),
      (["--input", "INPUT"], "--output-dir"),
      (["--output-dir", "out"], "--input"),
      (["--input", "INPUT", "--output-dir", "out", "--gradient"], "--labels"),
      (["--input", "LABELS", "--output-dir", "out"], "expected shape [8, 1, 28, 28], got [8]"),
      (["--input", "INPUT", "--output-dir", "out", "--labels", "INPUT"], "class number"),
    ])
  func refusals(_ arguments: [String], _ says: String) throws {
    let folder = try #require(Golden.root).appending(path: "onnx/mlp")
    let data = folder.appending(component: "test_data_set_0")
    let scratch = try Scratch()
    let filled = arguments.map {
      $0.replacing("INPUT", with: data.appending(component: "input_0.pb").path)
        .replacing("LABELS", with: data.appending(component: "labels.pb").path)
        .replacing(/^out$/, with: scratch.file("out"))
    }
    let result = try Program.run(["run", folder.appending(component: "model.onnx").path] + filled)
    #expect(result.status == 2)
    let words = result.errors
    #expect(words.contains(says), "\(words)")
  }
}
