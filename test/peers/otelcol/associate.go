package main

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// A stand-in for k8sattributes, which Debian does not package. As that processor and most backends do, it finds what is
// known of a container by the resource alone, and adds it to the resource.
func newAssociateFactory() processor.Factory {
	return processor.NewFactory(
		component.MustNewType("associate"),
		func() component.Config { return &associateConfig{} },
		processor.WithMetrics(func(ctx context.Context, set processor.Settings, config component.Config, next consumer.Metrics) (processor.Metrics, error) {
			associate := config.(*associateConfig).associate
			return processorhelper.NewMetrics(ctx, set, config, next, func(_ context.Context, metrics pmetric.Metrics) (pmetric.Metrics, error) {
				for _, each := range metrics.ResourceMetrics().All() {
					associate(each.Resource())
				}
				return metrics, nil
			})
		}, component.StabilityLevelDevelopment),
		processor.WithLogs(func(ctx context.Context, set processor.Settings, config component.Config, next consumer.Logs) (processor.Logs, error) {
			associate := config.(*associateConfig).associate
			return processorhelper.NewLogs(ctx, set, config, next, func(_ context.Context, logs plog.Logs) (plog.Logs, error) {
				for _, each := range logs.ResourceLogs().All() {
					associate(each.Resource())
				}
				return logs, nil
			})
		}, component.StabilityLevelDevelopment),
	)
}

type associateConfig struct {
	// Attributes to add, by the container's id.
	Containers map[string]map[string]string `mapstructure:"containers"`
}

func (config *associateConfig) associate(resource pcommon.Resource) {
	if id, isThere := resource.Attributes().Get("container.id"); isThere {
		for key, value := range config.Containers[id.Str()] {
			resource.Attributes().PutStr(key, value)
		}
	}
}
