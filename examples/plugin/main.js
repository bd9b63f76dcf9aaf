// A program with metrics of its own, to which Floatie adds what the kernel measures. Run it as root.
import { ConsoleMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { loadConfig, startMeasuring } from 'floatie';

const floatie = await startMeasuring(loadConfig());
floatie.onOomKill(({ victim_comm, limit_owner }) => console.error('killed:', victim_comm, limit_owner ?? ''));

const provider = new MeterProvider({
  views: floatie.views,
  readers: [
    new PeriodicExportingMetricReader({
      exporter: new ConsoleMetricExporter(),
      exportIntervalMillis: 10_000,
      metricProducers: [floatie.producer()],
    }),
  ],
});
floatie.observe(provider.getMeter('floatie'));

const requests = provider.getMeter('shop').createCounter('shop_orders_total');
const orders = setInterval(() => requests.add(1), 1000);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    clearInterval(orders);
    // Exports once more, while Floatie still measures.
    await provider.shutdown();
    floatie.stop();
  });
}
console.error('exports every 10 s; Ctrl-C ends it');
