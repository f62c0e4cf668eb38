import DitherProto
import DitherTransport

/// `Inference/Predict`: an answer with its uncertainty.
package struct PredictCall: PromptCall {
  package static let method = Dither_V1_Inference.predict
  package static let policy = CallPolicy(role: .predict)

  private let predicting: Predicting

  package init(_ services: Services) { predicting = Predicting(services) }

  package func answer(
    _ request: Dither_V1_PredictRequest, _ caller: Caller,
    _ complete: @escaping @Sendable (Result<Dither_V1_PredictResponse, any Error>) -> Void
  ) {
    do {
      predicting.answer(try PredictionQuery(request), caller) { complete($0.map(Dither_V1_PredictResponse.init)) }
    } catch {
      complete(.failure(error))
    }
  }
}
