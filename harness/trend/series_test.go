package trend

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecodeSeries(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		got, err := DecodeSeries([]byte(`{"Name": "step", "Series": [100, 101.5]}`))
		require.NoError(t, err)
		assert.Equal(t, Series{Name: "step", Values: []float64{100, 101.5}}, got)
	})
	t.Run("ErrNotPositive", func(t *testing.T) {
		_, err := DecodeSeries([]byte(`{"Series": [100, 0]}`))
		assert.ErrorContains(t, err, "night 1 is 0: readings must be positive numbers")
	})
	t.Run("ErrSyntax", func(t *testing.T) {
		_, err := DecodeSeries([]byte(`{"Series": "x"}`))
		assert.Error(t, err)
	})
}
